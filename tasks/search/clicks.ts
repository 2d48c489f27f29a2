import type { Visitor } from './visits.ts'
import { compareByCount } from './visits.ts'

/** How often a page was viewed, and another after it in the same session. */
export interface PageClicks {
  path: string
  views: number
  followed: number
}

/** One side of the comparison; `rate` is followed / views, null without views. */
export interface Variant {
  visitors: number
  views: number
  followed: number
  rate: number | null
}

/** What a day's clicks tell. */
export interface Clicks {
  clickThrough: PageClicks[]
  variants: {
    a: Variant
    b: Variant
    /** Rate of b less rate of a, with its 95 % interval; null if a side has no views. */
    difference: number | null
    low: number | null
    high: number | null
  }
}

const SHOWN = 20

/** Counts the clicks of a day's visitors. */
export async function countClicks(visitors: AsyncIterable<Visitor>): Promise<Clicks> {
  const pages = new Map<string, { views: number; followed: number }>()
  const sides = { a: { visitors: 0, views: 0, followed: 0 }, b: { visitors: 0, views: 0, followed: 0 } }
  for await (const { address, agent, sessions } of visitors) {
    const side = fnv1a(`${address}\n${agent}`) % 2 === 0 ? sides.a : sides.b
    side.visitors++
    for (const { views } of sessions) {
      side.views += views.length
      side.followed += Math.max(0, views.length - 1)
      views.forEach((path, index) => {
        const page = pages.get(path) ?? { views: 0, followed: 0 }
        pages.set(path, page)
        page.views++
        if (index < views.length - 1) page.followed++
      })
    }
  }
  const clickThrough = [...pages]
    .map(([path, { views, followed }]): PageClicks => ({ path, views, followed }))
    .sort((x, y) => compareByCount([x.path, x.views], [y.path, y.views]))
    .slice(0, SHOWN)
  return { clickThrough, variants: compare(withRate(sides.a), withRate(sides.b)) }
}

const withRate = (side: Omit<Variant, 'rate'>): Variant => ({
  ...side,
  rate: side.views === 0 ? null : side.followed / side.views,
})

/**
 * The difference of two proportions with Newcombe's interval from Wilson's scores (R. G. Newcombe, "Interval estimation
 * for the difference between independent proportions", Statistics in Medicine 17, 1998, method 10).
 */
function compare(a: Variant, b: Variant): Clicks['variants'] {
  if (a.rate === null || b.rate === null) return { a, b, difference: null, low: null, high: null }
  const [lowA, highA] = wilson(a.followed, a.views)
  const [lowB, highB] = wilson(b.followed, b.views)
  const difference = b.rate - a.rate
  return {
    a,
    b,
    difference,
    low: difference - length(b.rate - lowB, highA - a.rate),
    high: difference + length(highB - b.rate, a.rate - lowA),
  }
}

/** Only operations that IEEE 754 rounds in one way: the same aggregation in other languages has equal results. */
const length = (x: number, y: number) => Math.sqrt(x * x + y * y)

/** The 97.5 % point of the normal distribution. */
const Z = 1.959963984540054

/** Wilson's 95 % interval of a proportion (E. B. Wilson, JASA 22, 1927). */
function wilson(successes: number, trials: number): [number, number] {
  const p = successes / trials
  const square = Z * Z
  const middle = p + square / (2 * trials)
  const width = Z * Math.sqrt((p * (1 - p)) / trials + square / (4 * trials * trials))
  const scale = 1 + square / trials
  return [(middle - width) / scale, (middle + width) / scale]
}

/** FNV-1a, 32 bits, of the text in UTF-8 (draft-eastlake-fnv). */
export function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash >>> 0
}
