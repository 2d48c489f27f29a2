/** One arXiv article, as `articles.jsonl.gz` holds it. Days are `YYYY-MM-DD`; what a record does not tell is null. */
export interface Article {
  id: string
  title: string
  authors: string[]
  abstract: string
  /** Codes such as `math.NT`; names such as `Mathematics - Number Theory` if the source was `oai_dc`. */
  categories: string[]
  /** OAI-PMH sets, such as `physics:hep-ex`. */
  sets: string[]
  created: string | null
  updated: string | null
  /** When arXiv last changed the record; articles are selected by it. */
  datestamp: string
  doi: string | null
}

/** One record of a reply: an article, or the notice that it was deleted. */
export type HarvestedRecord =
  | { id: string; datestamp: string; article: Article }
  | { id: string; datestamp: string; article: null }

/** The records of some days made unique: the newest of each article counts, and a deletion removes it. Sorted by id. */
export class ArticleSet {
  readonly #newest = new Map<string, HarvestedRecord>()
  readonly #from: string
  readonly #until: string

  constructor(from: string, until: string) {
    this.#from = from
    this.#until = until
  }

  /** Takes a record if its datestamp lies in the days; among equal datestamps the later call counts. */
  add(record: HarvestedRecord): void {
    if (record.datestamp < this.#from || record.datestamp > this.#until) return
    const before = this.#newest.get(record.id)
    if (before === undefined || before.datestamp <= record.datestamp) this.#newest.set(record.id, record)
  }

  articles(): Article[] {
    return [...this.#newest.values()]
      .flatMap(({ article }) => (article === null ? [] : [article]))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}
