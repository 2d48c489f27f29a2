import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertCode, luigiProject, python } from './luigi-project.ts'

const ROOT = ['--module', 'reports', 'Root', '--date', '2026-01-31', '--production']

describe('sluice luigi', () => {
  it('runs a wrapper, dynamic requirements and all that they need, each once', async (test) => {
    const project = luigiProject(test, { 'numbers.txt': '7\n8\n9\n' })
    const ended = await project.luigi(...ROOT)
    assertCode(ended, 0)
    assert.match(ended.stdout, /Root-\w+-1 succeeded after .*: 9 succeeded, 1 complete|: 9 succeeded/)
    assert.match(
      (await project.sluice('runs')).stdout,
      /Root-\w+-1 +date=2026-01-31,production=True +succeeded/,
    )
    assert.equal(project.read('out/2026-01-31/total.txt'), '30')
    assert.equal(project.read('out/2026-01-31/found.txt'), '70\n80\n90\n')
    const parts = project.notes().filter((note) => note.startsWith('part'))
    assert.deepEqual(
      parts.sort(),
      [0, 1, 2, 7, 8, 9].map((number) => `part ${number}`),
    )
    assert.equal(project.notes().filter((note) => note === 'found begins').length, 3)
    assert.equal(project.notes().at(-1), 'success of Root')
  })

  it('has nothing to do when the root is complete, and does again only what is missing', async (test) => {
    const project = luigiProject(test, {})
    assertCode(await project.luigi('--module', 'reports', 'Total', '--date', '2026-01-31'), 0)
    const again = await project.luigi('--module', 'reports', 'Total', '--date', '2026-01-31')
    assert.match(again.stdout, /Nothing to do: Total\(date=2026-01-31,parts=3\) is complete/)
    await project.limited('rm out/2026-01-31/total.txt out/2026-01-31/part-1.txt', 'runs')
    const plan = await project.luigi('--module', 'reports', 'Total', '--date', '2026-01-31', '--plan')
    assert.match(plan.stdout, /run +Total\(date=2026-01-31,parts=3\) +its complete\(\) is false/)
    assert.match(plan.stdout, /complete +Part\(date=2026-01-31,number=0\) +its complete\(\) is true/)
    assert.match(plan.stdout, /2 to run, 2 complete/)
    assertCode(await project.luigi('--module', 'reports', 'Total', '--date', '2026-01-31'), 0)
    const notes = project.notes()
    assert.deepEqual(notes.slice(4), ['part 1', 'total'])
  })

  it('waits for an external task, and goes on with the same run', async (test) => {
    const project = luigiProject(test)
    const waiting = await project.luigi(...ROOT, '--wait', '1s')
    assertCode(waiting, 4)
    assert.match(waiting.stdout, /Numbers/)
    project.write('numbers.txt', '7\n')
    const ended = await project.luigi(...ROOT)
    assertCode(ended, 0)
    assert.match(ended.stdout, /Going on with run Root-\w+-1/)
    assert.equal(project.notes().filter((note) => note === 'total').length, 1)
  })

  it('retries what fails, fails what depends on it, and does everything else', async (test) => {
    const project = luigiProject(test, {
      'broken.py': python(
        'from reports import Total, Part, note',
        'class Broken(luigi.Task):',
        '    retry_count = 2',
        '    def run(self):',
        '        raise ValueError("no such table")',
        'class All(luigi.WrapperTask):',
        '    def requires(self): return [Broken(), Total(date=luigi.DateParameter().parse("2026-01-31"))]',
      ),
      'luigi.cfg': '[scheduler]\nretry_delay = 0\n',
    })
    const ended = await project.luigi('--module', 'broken', 'All')
    assertCode(ended, 1)
    assert.match(ended.stdout, /no such table/)
    assert.equal(project.notes().filter((note) => note === 'failure of Broken: no such table').length, 2)
    assert.equal(project.read('out/2026-01-31/total.txt'), '30')
    const status = await project.json('status', 'latest')
    assert.equal(status.counts.upstream_failed, 1)
  })
})
