import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { type TestProject, testProject } from '../support/cli.ts'
import { engine, IMAGE, LIMIT, listContainersOf, makeContainerFiles } from '../support/containers.ts'
import { until } from '../support/processes.ts'

/** What commands that are typed into the shell of a task print. */
const typed = (project: TestProject, input: string, ...args: string[]) =>
  project.start(['shell', ...args], { input: `${input}\n` }).ended

const listShells = () =>
  engine('ps', '--all', '--filter', 'label=sluice.shell', '--format', '{{.Names}}').stdout
const listCopies = () =>
  engine('images', '--format', '{{.Repository}}:{{.Tag}}').stdout.match(/sluice-shell:\S+/)?.[0] ?? null

const DEFINITIONS = makeContainerFiles(`
const Words = task('Words', { output: () => text('words.txt') }, ({ output }) => output.write('hello'))
const Number = task('Number', {}, () => ({ n: 7 }))
const Broken = container('Broken', { params: { n }, requires: () => ({ words: Words(), number: Number() }), image, retry: { attempts: 2, delaySeconds: 0 },
  output: ({ n }) => file(\`made/\${n}\`), env: { GREETING: 'hi' }, secrets: { KEY: secret('the/key') },
  command: ({ output }) => sh(\`echo begin; echo half > \${output.path}; echo mine > /left; exit 3\`) })
export const broken = pipeline('broken', Broken)
const Silent = container('Silent', { image, output: () => file('silent'), command: ['true'], retry: { attempts: 1 } })
export const silent = pipeline('silent', Silent)
const Long = container('Long', { image, command: sh('echo begin; echo there > /here; sleep 60') })
export const long = pipeline('long', Long)
export const words = pipeline('words', Words)`)

const broken = async (project: TestProject, ...flags: string[]) => {
  await project.start(['secrets', 'set', 'the/key'], { input: 'open-sesame-99' }).ended
  const ended = await project.sluice('run', 'broken', '--n', '1', ...flags)
  assert.equal(ended.code, 1, ended.stdout + ended.stderr)
  return ended
}

describe('a shell', LIMIT, () => {
  it('has the inputs, environment and secrets of a task that failed, an output folder of its own, and leaves nothing', async (test) => {
    const project = testProject(test, DEFINITIONS)
    await broken(project)
    assert.equal(listContainersOf(project), '')
    const script =
      'cat /sluice/in/words.txt /sluice/in/results/*; echo; echo "$GREETING $KEY $SLUICE_TASK"; cat $SLUICE_PARAMS; touch /sluice/in/words.txt || echo refused; ls /left; echo x > $SLUICE_OUTPUT'
    const { code, stdout, stderr } = await typed(project, script, 'latest', 'Broken')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^hello\{"n":7\}\nhi open-sesame-99 Broken\(n=1\)\n\{"n":1\}refused\n/)
    assert.match(stderr, /A shell in a fresh container of Broken\(n=1\)/)
    assert.match(stderr, /The task runs.*: sh -c 'echo begin/)
    assert.match(stderr, /\/left/, 'it has the files of the earlier container')
    assert.ok(!existsSync(project.path('data/made/1')))
    assert.equal(listShells(), '')
  })

  it('enters what --keep has left, as often as one likes, until the next attempt or prune removes it', async (test) => {
    const project = testProject(test, DEFINITIONS)
    const ended = await broken(project, '--keep')
    assert.match(ended.stdout, /Look into a container that was kept: sluice shell \S+ TASK/)
    const kept = listContainersOf(project)
    assert.match(kept, /^sluice-kept-\S+$/)
    for (let times = 0; times < 2; times++) {
      const { code, stdout, stderr } = await typed(
        project,
        'cat /left $SLUICE_OUTPUT; echo $KEY',
        'latest',
        'Broken',
      )
      assert.equal(code, 0, stderr)
      assert.equal(stdout.split('The shell')[0], 'mine\nhalf\nopen-sesame-99\n')
      assert.match(stderr, /A shell in what attempt 2 of Broken\(n=1\) has left/)
    }
    assert.equal(listShells(), '')
    assert.equal(listCopies(), null)
    assert.equal(listContainersOf(project), kept)
    await broken(project)
    assert.equal(listContainersOf(project), '', 'the next attempt left it')
    await broken(project, '--keep')
    assert.notEqual(listContainersOf(project), '')
    await project.sluice('prune', '--older-than', '0s', '--yes')
    assert.equal(listContainersOf(project), '', 'prune left it')
    assert.deepEqual(globSync('data/**/.*', { cwd: project.folder }), [])
  })

  it('of which nothing stays if its process is killed: the next command that works removes it', async (test) => {
    const project = testProject(test, DEFINITIONS)
    await broken(project, '--keep')
    const { child, ended } = project.start(['shell', 'latest', 'Broken'], { input: 'echo $KEY; sleep 120\n' })
    await until(() => listShells() !== '')
    assert.doesNotMatch(engine('image', 'inspect', `localhost/${listCopies()}`).stdout, /open-sesame/)
    child.kill('SIGKILL')
    await until(() => child.exitCode !== null || child.signalCode !== null)
    const dev = project.start(['dev', '--port', '0'])
    await until(() => listShells() === '' && listCopies() === null)
    await ended
    dev.child.kill('SIGTERM')
    await dev.ended
    await project.sluice('prune', '--older-than', '0s', '--yes')
  })

  it('enters what ended well without its output', async (test) => {
    const project = testProject(test, DEFINITIONS)
    await project.sluice('run', 'silent', '--keep')
    const { stderr } = await typed(project, 'ls /sluice/out', 'latest', 'Silent')
    assert.match(stderr, /A shell in what attempt 1 of Silent has left/)
    await project.sluice('prune', '--older-than', '0s', '--yes')
    assert.equal(listContainersOf(project), '')
  })

  it('enters the container of a task that runs', async (test) => {
    const project = testProject(test, DEFINITIONS)
    const run = project.start(['run', 'long'])
    await until(() =>
      globSync('.sluice/logs/*/*.jsonl', { cwd: project.folder }).some((path) =>
        readFileSync(project.path(path), 'utf8').includes('begin'),
      ),
    )
    const { stdout, stderr } = await typed(project, 'cat /here', 'latest', 'Long')
    assert.match(stdout, /^there\n/, stderr)
    run.child.kill('SIGINT')
    run.child.kill('SIGINT')
    await run.ended
    await project.sluice('cancel', 'latest')
    engine('rm', '--force', ...listContainersOf(project).split('\n'))
  })

  it('that cannot be opened says why, and what to do', async (test) => {
    const bare = 'localhost/sluice-test-bare:1'
    const project = testProject(test, {
      ...DEFINITIONS,
      'bare/Dockerfile': 'FROM scratch\nCOPY nothing /nothing\n',
      'bare/nothing': '',
      'gone/Dockerfile': `FROM ${IMAGE}\nCOPY id /id\n`,
      'gone/id': randomUUID(),
      'pipelines/more.ts': `import { build, container, pipeline, task } from 'sluice'
const Bare = container('Bare', { image: '${bare}', command: ['/nothing'], retry: { attempts: 1 } })
export const bare = pipeline('bare', Bare)
const Gone = container('Gone', { image: build('gone'), command: ['false'], retry: { attempts: 1 } })
export const gone = pipeline('gone', Gone)
const Fails = task('Fails', { retry: { attempts: 1 } }, () => { throw new Error('no luck') })
const After = container('After', { requires: () => Fails(), image: '${IMAGE}', command: ['true'] })
export const after = pipeline('after', After)`,
    })
    engine('build', '--quiet', '--tag', bare, project.path('bare'))
    const none = await project.sluice('shell', 'latest', 'Words')
    assert.equal(none.code, 2)
    assert.match(none.stderr, /There are no runs in the state/)
    const cases: [pipeline: string, task: string, message: RegExp][] = [
      ['words', 'Words', /Words is no task in a container/],
      ['words', 'Wrds', /has no task "?Wrds"?\. Did you mean "?Words/],
      ['bare', 'Bare', /No shell can be started in the image of Bare: it has none\./],
      ['after', 'After', /Inputs of After are not there yet: the result of Fails/],
    ]
    for (const [name, task, message] of cases) {
      await project.sluice('run', name)
      const { code, stderr } = await project.sluice('shell', 'latest', task)
      assert.equal(code, 2, stderr)
      assert.match(stderr, message)
      assert.match(stderr, /\nnext: /)
    }
    await project.sluice('run', 'gone')
    const { tasks } = await project.json('status', 'latest')
    engine('rmi', '--force', tasks[0].image)
    const { code, stderr } = await project.sluice('shell', 'latest', 'Gone')
    assert.equal(code, 2, stderr)
    assert.match(stderr, /The image in which Gone has run is gone: .*\nnext: Run the task again/)
    assert.equal(listShells(), '')
  })
})
