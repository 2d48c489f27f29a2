import type { Article, HarvestedRecord } from './article.ts'

/** An XML element, reduced to what records need. */
export interface Element {
  name: string
  attributes: Record<string, string>
  text: string
  children: Element[]
}

/** One `<record>` of any of arXiv's formats: `arXiv`, `arXivRaw` and `oai_dc`. Throws if it is none of them. */
export function toHarvestedRecord(record: Element): HarvestedRecord {
  const header = child(record, 'header')
  const identifier = textOf(header, 'identifier') ?? ''
  const datestamp = (textOf(header, 'datestamp') ?? '').slice(0, 10)
  if (identifier === '' || datestamp === '') throw new Error('a record has no identifier or no datestamp')
  const id = identifier.replace(/^oai:arXiv\.org:/, '')
  if (header?.attributes.status === 'deleted') return { id, datestamp, article: null }
  const metadata = child(record, 'metadata')?.children[0]
  const read = metadata && FORMATS[metadata.name]
  if (metadata === undefined || read === undefined)
    throw new Error(
      `record ${identifier} is <${metadata?.name ?? 'empty'}>; known are ${Object.keys(FORMATS).join(', ')}`,
    )
  const sets = textsOf(header, 'setSpec')
  const { created, updated, doi, ...described } = read(metadata)
  return { id, datestamp, article: { id, ...described, sets, created, updated, datestamp, doi } }
}

type ArticleText = Omit<Article, 'id' | 'sets' | 'datestamp'>

const FORMATS: Record<string, (metadata: Element) => ArticleText> = {
  arXiv: fromArxiv,
  arXivRaw: fromArxivRaw,
  dc: fromDublinCore,
}

function fromArxiv(metadata: Element): ArticleText {
  const authors = child(metadata, 'authors')?.children ?? []
  return {
    title: textOf(metadata, 'title') ?? '',
    authors: authors.map((author) =>
      ['forenames', 'keyname', 'suffix'].flatMap((part) => textOf(author, part) ?? []).join(' '),
    ),
    abstract: textOf(metadata, 'abstract') ?? '',
    categories: listWords(metadata, 'categories'),
    created: textOf(metadata, 'created') ?? null,
    updated: textOf(metadata, 'updated') ?? null,
    doi: listWords(metadata, 'doi')[0] ?? null,
  }
}

function fromArxivRaw(metadata: Element): ArticleText {
  const versions = childrenOf(metadata, 'version').map((version) => textOf(version, 'date') ?? '')
  return {
    title: textOf(metadata, 'title') ?? '',
    authors: splitAuthors(textOf(metadata, 'authors') ?? ''),
    abstract: textOf(metadata, 'abstract') ?? '',
    categories: listWords(metadata, 'categories'),
    created: parseDay(versions[0]),
    updated: versions.length > 1 ? parseDay(versions.at(-1)) : null,
    doi: listWords(metadata, 'doi')[0] ?? null,
  }
}

function fromDublinCore(metadata: Element): ArticleText {
  const dates = textsOf(metadata, 'date').sort()
  const doi = textsOf(metadata, 'identifier').find((each) => each.startsWith('doi:'))
  return {
    title: textOf(metadata, 'title') ?? '',
    authors: textsOf(metadata, 'creator').map(firstNameFirst),
    abstract: textsOf(metadata, 'description').find((each) => !each.startsWith('Comment:')) ?? '',
    // Subjects are category names, and MSC or ACM classes, which all contain a digit.
    categories: textsOf(metadata, 'subject').filter((each) => !/\d/.test(each)),
    created: dates[0] ?? null,
    updated: dates.length > 1 ? (dates.at(-1) ?? null) : null,
    doi: doi?.slice('doi:'.length) ?? null,
  }
}

const childrenOf = (element: Element | undefined, name: string) =>
  element?.children.filter((each) => each.name === name) ?? []

const child = (element: Element | undefined, name: string) => childrenOf(element, name)[0]

const normalised = (text: string) => text.replace(/\s+/g, ' ').trim()

const textsOf = (element: Element | undefined, name: string) =>
  childrenOf(element, name).map((each) => normalised(each.text))

const textOf = (element: Element | undefined, name: string) =>
  textsOf(element, name).find((text) => text !== '')

const listWords = (element: Element, name: string) => textOf(element, name)?.split(' ') ?? []

function firstNameFirst(creator: string): string {
  const comma = creator.indexOf(', ')
  return comma < 0 ? creator : `${creator.slice(comma + 2)} ${creator.slice(0, comma)}`
}

/** `A, B (Somewhere) and C`: affiliations in parentheses are left out. */
function splitAuthors(authors: string): string[] {
  return authors
    .replace(/\([^()]*\)/g, '')
    .split(/,\s*and\s+|\s+and\s+|,\s*/)
    .map((author) => author.trim())
    .filter((author) => author !== '')
}

/** The day of a date such as `Fri, 8 Feb 2013 21:00:01 GMT`. */
function parseDay(date: string | undefined): string | null {
  const time = Date.parse(date ?? '')
  return Number.isNaN(time) ? null : new Date(time).toISOString().slice(0, 10)
}
