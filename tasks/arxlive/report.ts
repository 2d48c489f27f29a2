import { htmlEscape } from 'escape-goat'
import type { Article } from './article.ts'

/** Counts of some days' articles; an article counts once for each of its sets and categories. */
export interface Report {
  articles: number
  bySet: Record<string, number>
  byCategory: Record<string, number>
  byDay: Record<string, number>
}

/** Counts articles; sets and categories by number, then name, days in order. */
export function countArticles(articles: Iterable<Article>): Report {
  const sets = new Map<string, number>()
  const categories = new Map<string, number>()
  const days = new Map<string, number>()
  let count = 0
  for (const article of articles) {
    count++
    for (const set of article.sets) increment(sets, set)
    for (const category of article.categories) increment(categories, category)
    increment(days, article.datestamp)
  }
  return {
    articles: count,
    bySet: sortByCount(sets),
    byCategory: sortByCount(categories),
    byDay: Object.fromEntries([...days].sort(([a], [b]) => (a < b ? -1 : 1))),
  }
}

const increment = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1)

function sortByCount(counts: Map<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)))
}

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; }
  h1 { margin-bottom: 0 } h2 { margin-top: 2rem } .total { font-size: 3rem; font-weight: 700; margin: 0 }
  table { border-collapse: collapse; width: 100% } td { padding: .15rem .5rem; vertical-align: middle }
  td:first-child { width: 45% } td.n { width: 4rem; text-align: right; font-variant-numeric: tabular-nums }
  .bar { background: #2f6f9f; height: .8rem; border-radius: 2px; min-width: 1px }
  @media (prefers-color-scheme: dark) { body { background: #10161d; color: #dde5ec } .bar { background: #6fb1e0 } }`

/** A page that a person can look at; every text from outside is escaped. */
export function renderReportPage(days: string, report: Report): string {
  const title = htmlEscape`New on arXiv, ${days}`
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}</style></head>
<body>
<h1>${title}</h1>
<p class="total">${report.articles}</p><p>articles</p>
${section('By day', report.byDay)}
${section('By set', report.bySet)}
${section('By category', report.byCategory)}
</body>
</html>
`
}

function section(title: string, counts: Record<string, number>): string {
  const most = Object.values(counts).reduce((most, count) => Math.max(most, count), 1)
  const rows = Object.entries(counts).map(
    ([name, count]) =>
      htmlEscape`<tr><td>${name}</td><td class="n">${count}</td><td><div class="bar" style="width:${((100 * count) / most).toFixed(1)}%"></div></td></tr>`,
  )
  return `<h2>${title}</h2>\n<table>\n${rows.join('\n')}\n</table>`
}
