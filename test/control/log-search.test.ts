import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import type { Control, LogPage } from '../../src/control/control.ts'
import { openState } from './open-state.ts'
import { PIPELINES } from './pipelines.ts'

const MB = 1024 * 1024
const LINES = 40_000

/** A run whose task has a log of 40 MB beside its own lines; what is read of logs is counted. */
async function openLongLog(test: TestContext) {
  const { home, control: makeControl } = openState(test, PIPELINES)
  test.after(() => home.close())
  const control = makeControl(false)
  const started = (await control.start({ name: 'control-below', params: { name: 'a' } })) as { run: string }
  for await (const { event } of control.follow({ runs: [started.run] })) if (event === 'end') break
  const attempt = { run: started.run, number: (await findFailing(control, started.run)).number, attempt: 2 }
  const log = home.logs.open(attempt)
  for (let from = 0; from < LINES; from += 1_000)
    log.write(
      Array.from({ length: 1_000 }, (_, index) => {
        const text = from + index === LINES - 10 ? '\u001b[31mNeed\u001b[0mLE' : 'hay '.repeat(250)
        return { at: Date.now(), level: 'info' as const, text }
      }),
    )
  const { read } = home.logs
  let bytes = 0
  home.logs.read = async (name, from) => {
    const found = await read(name, from)
    bytes += found.next - from
    return found
  }
  const takeBytes = () => {
    const read = bytes
    bytes = 0
    return read
  }
  return { control, run: started.run, number: attempt.number, takeBytes }
}

async function findFailing(control: Control, run: string) {
  const { tasks } = await control.tasks({ run, task: 'ControlFailing' })
  assert.ok(tasks[0])
  return tasks[0]
}

it('a search of logs', async (test) => {
  const { control, run, number, takeBytes } = await openLongLog(test)
  await test.test(
    'looks through a bounded part with each page, and goes on where the page before ended',
    async () => {
      const pages: LogPage[] = []
      takeBytes()
      const read: number[] = []
      let cursor: string | undefined
      do {
        const page = await control.logs({ run, text: 'needle', ...(cursor && { cursor }) })
        cursor = page.next
        pages.push(page)
        read.push(takeBytes())
      } while (pages.at(-1)?.isMore && pages.length < 10)
      assert.deepEqual(
        pages.map(({ lines, isMore }) => [lines.length, isMore]),
        [
          [0, true],
          [0, true],
          [1, false],
        ],
      )
      assert.ok(
        read.every((bytes) => bytes <= 17 * MB),
        `${read}`,
      )
      assert.ok(read.reduce((all, bytes) => all + bytes, 0) < 42 * MB, `nothing is read twice: ${read}`)
      const looked = pages.reduce((all, page) => all + page.looked, 0)
      const own = (await control.logs({ run, attempt: 1 })).lines.length
      assert.ok(looked > LINES + own, `${looked} lines`)
    },
  )

  await test.test(
    'tells the number of a hit, and the window around it has that line and 100 before it',
    async () => {
      let page = await control.logs({ run, text: 'NEEDLE' })
      while (page.isMore) page = await control.logs({ run, text: 'NEEDLE', cursor: page.next })
      const [hit] = page.lines
      assert.ok(hit?.line !== undefined && hit.around !== undefined)
      assert.ok(hit.line > LINES - 10 && hit.line < LINES)
      takeBytes()
      const query = { run, task: String(number), attempt: 2, limit: 2_000, cursor: hit.around }
      const window = await control.logs(query)
      assert.ok(takeBytes() <= 3 * MB)
      const at = window.lines.findIndex(({ line }) => line === hit.line)
      assert.equal(window.lines[at]?.text, hit.text)
      assert.ok(at >= 100, `${at} lines before it`)
      const numbers = window.lines.flatMap(({ line }) => line ?? [])
      assert.ok(numbers.every((line, index) => line === (numbers[0] ?? 0) + index))
    },
  )

  await test.test('has 100 lines before a hit, wherever in the file it is', async () => {
    const { lines } = await control.logs({ run, task: String(number), attempt: 2, text: 'hay', limit: 3_000 })
    takeBytes()
    const borders = new Set(lines.map(({ around }) => around))
    assert.ok(borders.size >= 3, `${borders.size} places to begin at`)
    for (const { line = 0, around = '' } of lines) {
      // The cursor itself is looked at: reading around each of 3,000 hits would take minutes.
      const [[, before] = []] = Object.values(
        JSON.parse(JSON.parse(around).lines).read as Record<string, [number, number]>,
      )
      assert.ok(before === 0 || line - 1 - (before ?? line) >= 100, `line ${line} from ${before}`)
    }
  })

  await test.test('ends a page after enough hits, also where every line is one', async () => {
    const page = await control.logs({ run, text: 'hay', limit: 10 })
    assert.ok(page.lines.length >= 10 && page.isMore)
    assert.ok(takeBytes() <= 2 * MB)
    const whole = await control.logs({ run, level: 'info' })
    assert.ok(whole.isMore, 'a search without a limit is bounded too')
    assert.ok(takeBytes() <= 17 * MB)
  })
})
