import { SaxesParser, type SaxesTagNS } from 'saxes'
import type { HarvestedRecord } from './article.ts'
import { decodeXml } from './decode-xml.ts'
import { type Element, toHarvestedRecord } from './oai-record.ts'

/** What one reply holds. */
export interface Page {
  records: HarvestedRecord[]
  /** Asks for the next page; undefined on the last. */
  resumptionToken?: string
  /** The repository said that it has nothing in the range. */
  isNoMatch?: true
}

/** An error that the repository itself reported, by its OAI-PMH code. */
export class OaiError extends Error {
  override readonly name = 'OaiError'
  readonly code: string

  constructor(code: string, message: string) {
    super(`the source answered with the OAI error ${code}: ${message}`)
    this.code = code
  }
}

/** A reply of a whole day holds a few megabytes; this bounds what a hostile or broken source can make us read. */
const MAX_CHARACTERS = 512 * 1024 * 1024

/**
 * Reads one OAI-PMH reply (https://www.openarchives.org/OAI/openarchivesprotocol.html) while it arrives, decoded as it is
 * declared.
 * `noRecordsMatch` is an empty page; other OAI errors are thrown. A document type declaration is refused: replies
 * have none, and entities declared there are how XML bombs are made.
 */
export async function readOaiPage(chunks: AsyncIterable<Uint8Array>, contentType?: string): Promise<Page> {
  const page: Page = { records: [] }
  let isList = false
  const parser = makeParser(page, () => {
    isList = true
  })
  let size = 0
  try {
    for await (const text of decodeXml(chunks, contentType)) {
      size += text.length
      if (size > MAX_CHARACTERS) throw new Error(`it is larger than ${MAX_CHARACTERS} characters`)
      parser.write(text)
    }
    parser.close()
    if (!isList && !page.isNoMatch) throw new Error('it has neither records nor an error')
  } catch (error) {
    if (error instanceof OaiError) throw error
    throw new Error(`the reply is not an OAI-PMH document: ${(error as Error).message}`, {
      cause: error,
    })
  }
  return page
}

/** What holds records, by the verb that asked for them. */
const LISTS = ['ListRecords', 'GetRecord']
const OAI = 'http://www.openarchives.org/OAI/2.0/'

function makeParser(page: Page, onList: () => void): SaxesParser<{ xmlns: true }> {
  const parser = new SaxesParser({ xmlns: true })
  const stack: Element[] = []

  parser.on('error', (error) => {
    throw error
  })
  parser.on('doctype', () => {
    throw new Error('it has a document type declaration, which OAI-PMH does not use')
  })
  parser.on('opentag', (tag: SaxesTagNS) => {
    if (stack.length === 0 && (tag.local !== 'OAI-PMH' || tag.uri !== OAI))
      throw new Error(`its root is <${tag.name}>`)
    const element: Element = { name: tag.local, attributes: attributesOf(tag), text: '', children: [] }
    if (stack.length === 1 && LISTS.includes(tag.local)) onList()
    // Only what is inside a record is kept; the reply itself may be large.
    if (isInsideRecord(stack)) stack.at(-1)?.children.push(element)
    stack.push(element)
  })
  parser.on('text', (text) => {
    const top = stack.at(-1)
    if (top) top.text += text
  })
  parser.on('cdata', (text) => {
    const top = stack.at(-1)
    if (top) top.text += text
  })
  parser.on('closetag', () => {
    const element = stack.pop()
    if (element) takeElement(element, stack, page)
  })
  return parser
}

const isInsideRecord = (stack: Element[]) => stack.some((element) => element.name === 'record')

const attributesOf = (tag: SaxesTagNS) =>
  Object.fromEntries(Object.values(tag.attributes).map((each) => [each.local, each.value]))

function takeElement(element: Element, stack: Element[], page: Page): void {
  const depth = stack.length
  if (element.name === 'record' && depth === 2) page.records.push(toHarvestedRecord(element))
  if (element.name === 'resumptionToken' && depth === 2 && element.text.trim() !== '')
    page.resumptionToken = element.text.trim()
  if (element.name !== 'error' || depth !== 1) return
  if (element.attributes.code === 'noRecordsMatch') page.isNoMatch = true
  else throw new OaiError(element.attributes.code ?? 'unknown', element.text.trim())
}
