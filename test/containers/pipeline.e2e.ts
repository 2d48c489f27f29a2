import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, existsSync, globSync, lstatSync, readFileSync, statSync } from 'node:fs'
import { delimiter } from 'node:path'
import { describe, it } from 'node:test'
import { type TestProject, testProject } from '../support/cli.ts'
import { IMAGE, LIMIT, listContainersOf, makeContainerFiles } from '../support/containers.ts'
import { until } from '../support/processes.ts'

/** What is beside targets though no attempt runs. */
const findLeftovers = (project: TestProject) => globSync('data/**/.*', { cwd: project.folder })

describe('a pipeline of containers', LIMIT, () => {
  it('reads outputs and results, writes files and folders, and leaves nothing behind', async (test) => {
    const project = testProject(
      test,
      makeContainerFiles(`
const Words = task('Words', { params: { n }, output: ({ n }) => text(\`words/\${n}.txt\`) }, ({ params, output }) => output.write('w' + params.n))
const Twice = task('Twice', { params: { n } }, ({ params }) => ({ twice: params.n * 2 }))
const Join = container('Join', { params: { n }, requires: ({ n }) => ({ words: Words({ n }), twice: Twice({ n }) }),
  output: ({ n }) => file(\`joined/\${n}.txt\`), image,
  command: ({ input, output }) => sh(\`cat \${input.words.path} \${input.twice.path} > \${output.path}; ! touch \${input.words.path}\`) })
const Parts = container('Parts', { params: { n }, requires: ({ n }) => Join({ n }), output: ({ n }) => folder(\`parts/\${n}/\`), image,
  command: ({ input, output }) => sh(\`cp \${input.path} \${output.path}/copy; mkdir \${output.path}/deep; echo x > \${output.path}/deep/x\`) })
const Spark = container('Spark', { params: { n }, requires: ({ n }) => Parts({ n }), output: ({ n }) => ({ out: folder(\`spark/\${n}\`, { marker: '_SUCCESS' }), log: file(\`log/\${n}\`) }), image,
  command: ({ input, output }) => sh(\`cp \${input.path}/copy \${output.out.path}/part-0; touch \${output.out.path}/_SUCCESS; echo done > \${output.log.path}\`) })
const Last = task('Last', { requires: () => [0, 1, 2].map((each) => ({ parts: Parts({ n: each }), spark: Spark({ n: each }) })) },
  async ({ input }) => ({ parts: await input[0]?.parts.names() ?? [], spark: await input[0]?.spark.out.names() ?? [] }))
export const all = pipeline('all', Last)`),
    )
    const ended = await project.sluice('run', 'all', '--concurrency', '2')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.equal(readFileSync(project.path('data/joined/2.txt'), 'utf8'), 'w2{"twice":4}')
    const { tasks } = await project.json('status', 'latest')
    const last = tasks.find(({ family }: { family: string }) => family === 'Last')
    assert.deepEqual(last.result, { parts: ['copy', 'deep/x'], spark: ['part-0'] })
    const join = tasks.find(({ family }: { family: string }) => family === 'Join')
    assert.match(join.image, /[0-9a-f]{64}$/)
    assert.deepEqual(findLeftovers(project), [])
    assert.equal(listContainersOf(project), '')
    assert.equal(statSync(project.path('data/parts/0')).mode & 0o022, 0, 'others may write the folder')
    assert.match((await project.sluice('run', 'all')).stdout, /Nothing to do/)
  })

  it('is told what the attempt is, and tells progress, results and what was spent', async (test) => {
    const project = testProject(
      test,
      makeContainerFiles(`
const Told = container('Told', { params: { n }, image, env: { GREETING: 'hi, "you"' }, secrets: { KEY: secret('the/key') }, budgets: {},
  command: sh('echo "$GREETING $KEY $SLUICE_ATTEMPT"; cat $SLUICE_PARAMS; echo; echo $TRACEPARENT; echo "{\\\\"progress\\\\":{\\\\"done\\\\":1,\\\\"total\\\\":2,\\\\"text\\\\":\\\\"half\\\\"}}" >> $SLUICE_EVENTS; echo nonsense >> $SLUICE_EVENTS; printf "{\\\\"result\\\\":{\\\\"rows\\\\":7}}" >> $SLUICE_EVENTS') })
export const told = pipeline('told', Told)`),
    )
    await project.start(['secrets', 'set', 'the/key'], { input: 'open-sesame-99' }).ended
    const ended = await project.sluice('run', 'told', '--n', '3')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    const { stdout } = await project.sluice('logs', 'latest')
    assert.match(stdout, /hi, "you" \*\*\* 1\n/)
    assert.match(stdout, /\{"n":3\}/)
    assert.match(stdout, /00-[0-9a-f]{32}-[0-9a-f]{16}-01/)
    assert.match(stdout, /line 2 of SLUICE_EVENTS was left out: it is no JSON/)
    assert.doesNotMatch(stdout, /open-sesame/)
    const { tasks } = await project.json('status', 'latest')
    assert.deepEqual(tasks[0].result, { rows: 7 })
    assert.deepEqual(tasks[0].progress, { done: 1, total: 2, text: 'half' })
  })

  it('may be a plan with images', async (test) => {
    const command = (script: string) => ({ image: IMAGE, command: ['sh', '-c', script] })
    const plan = [
      { plan: 1, pipeline: 'images' },
      { task: 'a', ...command('echo a > $SLUICE_OUTPUT'), output: 'made/a.txt' },
      {
        task: 'b',
        requires: ['a'],
        ...command('cat /sluice/in/made/a.txt /sluice/in/made/a.txt > $SLUICE_OUTPUT'),
        output: 'made/b.txt',
      },
    ]
    const project = testProject(test, { 'plan.jsonl': plan.map((line) => JSON.stringify(line)).join('\n') })
    const ended = await project.sluice('run', '--plan', 'plan.jsonl')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.equal(readFileSync(project.path('data/made/b.txt'), 'utf8'), 'a\na\n')
  })

  it('builds an image once for all that need it, and anew when its folder changes', async (test) => {
    // An image of the same content may be there from the last time.
    const id = randomUUID()
    const project = testProject(test, {
      ...makeContainerFiles(`
const Built = container('Built', { params: { n }, image: build('image', { target: 'last', args: { WHO: 'you' } }), output: ({ n }) => file(\`built/\${n}\`), command: sh('cat /made > $SLUICE_OUTPUT') })
const All = task('All', { requires: () => [0, 1, 2].map((each) => Built({ n: each })) }, () => undefined)
export const all = pipeline('all', All)`),
      'image/Dockerfile': `FROM ${IMAGE} AS first\nARG WHO\nCOPY words /words\nRUN echo $(cat /words) for $WHO > /made\nFROM first AS last\n`,
      'image/words': `one ${id}`,
    })
    const ended = await project.sluice('run', 'all', '--concurrency', '3')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.equal(readFileSync(project.path('data/built/0'), 'utf8'), `one ${id} for you\n`)
    const built = (await project.sluice('logs', 'latest')).stdout.match(/COMMIT|naming to/g) ?? []
    assert.equal(built.length, 1)
    project.write('image/words', `two ${id}`)
    await project.sluice('run', 'Built', '--n', '3')
    assert.equal(readFileSync(project.path('data/built/3'), 'utf8'), `two ${id} for you\n`)
  })
})

const SLOW = makeContainerFiles(`
const Slow = container('Slow', { image, retry: { attempts: 1 }, output: () => file('slow.txt'),
  command: sh('id=$(cat /proc/sys/kernel/random/uuid); echo begin $id; sleep 6; echo $id > $SLUICE_OUTPUT') })
export const slow = pipeline('slow', Slow)
const Endless = container('Endless', { image, command: sh('trap "echo asked; exit 1" TERM; echo begin; while true; do sleep 0.2; done') })
export const endless = pipeline('endless', Endless)`)

async function begun(project: TestProject): Promise<void> {
  await until(() =>
    globSync('.sluice/logs/*/*.jsonl', { cwd: project.folder }).some((path) =>
      readFileSync(project.path(path), 'utf8').includes('begin'),
    ),
  )
}

describe('a container whose engine is killed', LIMIT, () => {
  it('is adopted by the same command: it runs once, and its output is published', async (test) => {
    const project = testProject(test, SLOW)
    const first = project.start(['run', 'slow'])
    await begun(project)
    first.child.kill('SIGKILL')
    await first.ended
    const again = await project.sluice('run', 'slow')
    assert.equal(again.code, 0, again.stdout + again.stderr)
    const { stdout } = await project.sluice('logs', 'latest')
    const ids = [...stdout.matchAll(/begin (\S+)/g)].map(([, id]) => id)
    assert.deepEqual(new Set(ids), new Set([readFileSync(project.path('data/slow.txt'), 'utf8').trim()]))
    assert.deepEqual(findLeftovers(project), [])
    assert.equal(listContainersOf(project), '')
  })

  for (const moment of ['before', 'after'] as const)
    it(`does not run again if that happens just ${moment} it is removed`, async (test) => {
      const name = process.env.TEST_ENGINE ?? 'podman'
      const project = testProject(
        test,
        makeContainerFiles(`
const Quick = container('Quick', { image, retry: { attempts: 1 }, output: () => file('quick'), command: sh('echo made > $SLUICE_OUTPUT') })
export const quick = pipeline('quick', Quick)
export const next = pipeline('next', task('Next', {}, () => undefined))`),
      )
      const call = `PATH="\${PATH#*:}" ${name} "$@"`
      const stand = `touch '${project.path('reached')}'; exec sleep 60`
      const removal = moment === 'before' ? stand : `${call}; ${stand}`
      project.write(`bin/${name}`, `#!/bin/sh\nif [ "$1" = rm ]; then ${removal}; fi\n${call}\n`)
      chmodSync(project.path('bin', name), 0o755)
      const env = { PATH: `${project.path('bin')}${delimiter}${process.env.PATH}` }
      const first = project.start(['run', 'quick'], { env })
      await until(() => existsSync(project.path('reached')) || first.child.exitCode !== null)
      assert.equal(first.child.exitCode, null)
      first.child.kill('SIGKILL')
      await until(() => first.child.signalCode !== null)
      const { ino } = statSync(project.path('data/quick'))
      const again = await project.sluice('run', 'quick')
      assert.equal(again.code, 0, again.stdout + again.stderr)
      assert.equal(statSync(project.path('data/quick')).ino, ino)
      // What was left is removed by the next command that works.
      assert.equal((await project.sluice('run', 'next')).code, 0)
      assert.equal(listContainersOf(project), '')
      if (moment === 'before') assert.deepEqual(findLeftovers(project), [])
    })

  it('is removed if its run was cancelled meanwhile', async (test) => {
    const project = testProject(test, SLOW)
    const first = project.start(['run', 'endless'])
    await begun(project)
    first.child.kill('SIGKILL')
    await first.ended
    assert.notEqual(listContainersOf(project), '')
    await project.sluice('cancel', 'latest')
    const dev = project.start(['dev', '--port', '0'])
    await until(() => listContainersOf(project) === '')
    dev.child.kill('SIGTERM')
    await dev.ended
  })
})

describe('a container that is to end', LIMIT, () => {
  it('is asked to, by Ctrl-C, and has the grace', async (test) => {
    const project = testProject(test, SLOW)
    const run = project.start(['run', 'endless'])
    await begun(project)
    run.child.kill('SIGINT')
    await run.ended
    assert.match((await project.sluice('logs', 'latest')).stdout, /asked/)
    assert.equal(listContainersOf(project), '')
  })

  it('has as much memory as it declares, and more after it ran out of it', async (test) => {
    const project = testProject(
      test,
      makeContainerFiles(`
const Big = container('Big', { image, memoryMb: 64, retry: { attempts: 1, outOfMemory: 4, delaySeconds: 0 }, command: ['node', '-e', 'Buffer.alloc(200e6, 1)'] })
export const big = pipeline('big', Big)`),
    )
    const ended = await project.sluice('run', 'big')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.match(ended.stdout + ended.stderr, /out_of_memory Big .*64 MB \(memoryMb\)/)
  })
})

/** Definitions that are wrong, with what is said of each, once. */
const WRONG: [what: string, options: string, message: RegExp][] = [
  [
    'an image that is not there',
    "image: 'localhost/there-is-none:1', command: ['true']",
    /the image localhost\/there-is-none:1 cannot be pulled/,
  ],
  [
    'a Dockerfile that fails',
    "image: build('broken'), command: ['true']",
    /the image of .*broken cannot be built:[\s\S]*no such luck/,
  ],
  [
    'a ref that is not there',
    "image: build('broken', { ref: 'v9' }), command: ['true']",
    /cannot be read at v9/,
  ],
  ['a program that is not there', "image, command: ['there-is-none']", /there-is-none is not in the image/],
  [
    'a program that is not executable',
    "image, command: ['/etc/passwd']",
    /\/etc\/passwd is not executable in the image/,
  ],
  ['an exit code', "image, command: sh('exit 3')", /sh exited with code 3/],
  [
    'an output that was not written',
    "image, output: () => file('a/b.txt'), command: ['true']",
    /its output is missing: \/sluice\/out\/a\/b\.txt/,
  ],
  [
    'a folder without its marker',
    "image, output: () => folder('f', { marker: '_SUCCESS' }), command: ['true']",
    /its output has no _SUCCESS/,
  ],
  [
    'an output that is a link',
    "image, output: () => file('a.txt'), command: sh('ln -s /etc/passwd $SLUICE_OUTPUT')",
    /a\.txt is no plain file/,
  ],
  [
    'an output behind a link',
    "image, output: () => file('c/d.txt'), command: sh('rmdir /sluice/out/c; ln -s /etc /sluice/out/c; touch $SLUICE_OUTPUT')",
    /is behind a link|output is missing/,
  ],
  [
    'a link in a folder',
    "image, output: () => folder('f'), command: sh('ln -s /etc/passwd /sluice/out/f/x')",
    /holds x, which is no plain file/,
  ],
  [
    'a result that is too long',
    'image, command: sh(\'printf \\\'{"result":"%05000d"}\\\' 1 >> $SLUICE_EVENTS\')',
    /the result has 5002 bytes/,
  ],
]

describe('a container that cannot succeed', LIMIT, () => {
  it('says once what is wrong, and leaves nothing behind', async (test) => {
    const families = WRONG.map(
      ([, options], index) =>
        `export const w${index} = pipeline('w${index}', container('W${index}', { retry: { attempts: 1 }, ${options} }))`,
    )
    const project = testProject(test, {
      ...makeContainerFiles(families.join('\n')),
      'broken/Dockerfile': `FROM ${IMAGE}\nRUN echo no such luck && false\n`,
    })
    for (const [index, [what, , message]] of WRONG.entries()) {
      const { code, stdout, stderr } = await project.sluice('run', `w${index}`)
      assert.equal(code, 1, `${what}: ${stdout}${stderr}`)
      assert.match(stdout + stderr, message, what)
      assert.equal((stdout + stderr).match(/^failed /gm)?.length, 1, `${what}: ${stdout}${stderr}`)
    }
    assert.deepEqual(findLeftovers(project), [])
    assert.equal(listContainersOf(project), '')
    assert.ok(!existsSync(project.path('data/a.txt')))
  })

  it('is refused while definitions are wrong, all at once', async (test) => {
    const project = testProject(
      test,
      makeContainerFiles(`
const Bad = container('Bad', { image: 'Not An Image', command: [1] as never, env: { 'a b': 'x' }, cpu: -1, fresh: 'run' } as never)
export const bad = pipeline('bad', Bad)`),
    )
    const { code, stderr } = await project.sluice('run', 'bad')
    assert.equal(code, 2)
    for (const message of [
      /no reference of an image/,
      /command must be an array of texts/,
      /"a b" must be a name/,
      /cpu must be a whole number/,
      /there is no option fresh/,
    ])
      assert.match(stderr, message)
  })
})

describe('outputs of another user of the image', LIMIT, () => {
  it('belong to the person who started the run', async (test) => {
    const project = testProject(test, {
      ...makeContainerFiles(`
const Other = container('Other', { image: build('other'), output: () => folder('other'), command: sh('umask 077; id -u; mkdir /sluice/out/other/d; echo x > /sluice/out/other/d/x') })
export const other = pipeline('other', Other)`),
      'other/Dockerfile': `FROM ${IMAGE}\nUSER 4711:4712\n`,
    })
    const ended = await project.sluice('run', 'other')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    for (const path of ['', '/d', '/d/x', '/_complete.json'])
      assert.equal(lstatSync(project.path(`data/other${path}`)).uid, process.getuid?.(), path)
  })
})

describe('a machine without a container engine', LIMIT, () => {
  it('says so before anything runs', async (test) => {
    const project = testProject(
      test,
      makeContainerFiles(`
const First = task('First', {}, () => { console.log('ran') })
const Second = container('Second', { requires: () => First(), image, command: ['true'] })
export const second = pipeline('second', Second)`),
    )
    const node = execFileSync('dirname', [process.execPath], { encoding: 'utf8' }).trim()
    const { code, stdout, stderr } = await project.start(['run', 'second'], { env: { PATH: node } }).ended
    assert.equal(code, 2, stdout + stderr)
    assert.match(stderr, /No container engine answers on this machine/)
    assert.match(stderr, /docker: not installed/)
    assert.deepEqual(await project.jsonLines('runs'), [])
    const doctor = await project.start(['doctor'], { env: { PATH: node } }).ended
    assert.equal(doctor.code, 1)
    assert.match(doctor.stdout, /WRONG containers/)
  })
})
