import type { Fault } from '../fault.ts'

const LOG_SEARCH = { test: 'test/control/log-search.test.ts' }

/** What people look for: the search of logs. */
export const LOOKING: Fault[] = [
  {
    name: 'a page of a search looks through the whole log',
    file: 'src/control/home-lines.ts',
    find: `bytes >= most`,
    replace: `bytes > 1e12`,
    by: LOG_SEARCH,
  },
  {
    name: 'a search reads on after what the page before did not look through',
    file: 'src/control/home-lines.ts',
    find: `cursor.read[key] = [next, from[1] + lines.length]`,
    replace: `cursor.read[key] = [next + lines.length, from[1] + lines.length]`,
    by: LOG_SEARCH,
  },
  {
    name: 'a hit is shown without the lines before it',
    file: 'src/control/home-lines.ts',
    find: `index < LINES_BEFORE ? before : from`,
    replace: `from`,
    by: LOG_SEARCH,
  },
  {
    name: 'colours hide what is searched in logs',
    file: 'src/control/log-search.ts',
    find: `stripVTControlCharacters(line.text).toLowerCase()`,
    replace: `line.text.toLowerCase()`,
    by: LOG_SEARCH,
  },
]
