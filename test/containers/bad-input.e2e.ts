import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { globSync, mkdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'
import { IMAGE, LIMIT, listContainersOf, makeContainerFiles } from '../support/containers.ts'

/** What is wrong with an image or a program, with what is said of it. */
const WRONG: [what: string, options: string, message: RegExp][] = [
  [
    'a program for another processor',
    "image: build('other-processor'), command: ['/program']",
    /\/program is made for another kind of processor than this machine has/,
  ],
  [
    'an entry point that fails',
    "image: build('entry-point'), command: ['one', 'two']",
    /exited with code 9[\s\S]*entry point has one two/,
  ],
  [
    'a command of a shell that is not there',
    "image, command: sh('no-such-command')",
    /sh exited with code 127 \(a program was not found\)/,
  ],
  [
    'a file that is no program',
    "image, command: sh('/etc/passwd')",
    /sh exited with code 126 \(a program may not be executed\)/,
  ],
  [
    'a user who may not write',
    "image: build('user'), output: () => file('a'), command: sh('echo x > /root/x && cp /root/x $SLUICE_OUTPUT')",
    /sh exited with code 2[\s\S]*Permission denied/,
  ],
]

describe('a program that cannot work', LIMIT, () => {
  it('is told in one message, and nothing is left', async (test) => {
    const families = WRONG.map(
      ([, options], index) =>
        `export const w${index} = pipeline('w${index}', container('W${index}', { retry: { attempts: 1 }, ${options} }))`,
    )
    const project = testProject(test, {
      ...makeContainerFiles(families.join('\n')),
      // The head of a program for arm64 (or, on arm64, for x86_64), and nothing else.
      'other-processor/make.cjs': `const other = process.arch === 'arm64' ? 62 : 183
const head = Buffer.alloc(4096); head.write('\\x7fELF\\x02\\x01\\x01', 'latin1'); head.writeUInt16LE(2, 16); head.writeUInt16LE(other, 18); head.writeUInt32LE(1, 20)
require('node:fs').writeFileSync('/program', head, { mode: 0o755 })`,
      'other-processor/Dockerfile': `FROM ${IMAGE}\nCOPY make.cjs /make.cjs\nRUN node /make.cjs\n`,
      'entry-point/Dockerfile': `FROM ${IMAGE}\nENTRYPOINT ["sh", "-c", "echo the entry point has $0 $1; exit 9"]\n`,
      'user/Dockerfile': `FROM ${IMAGE}\nUSER 4711:4712\n`,
    })
    for (const [index, [what, , message]] of WRONG.entries()) {
      const { code, stdout, stderr } = await project.sluice('run', `w${index}`)
      assert.equal(code, 1, `${what}: ${stdout}${stderr}`)
      assert.match(stdout + stderr, message, what)
      assert.equal((stdout + stderr).match(/^failed /gm)?.length, 1, `${what}: ${stdout}${stderr}`)
    }
    assert.equal(listContainersOf(project), '')
  })

  it('prints 100 MB in one line, or nothing, and succeeds', async (test) => {
    const project = testProject(
      test,
      makeContainerFiles(`
const Loud = container('Loud', { image, output: () => file('loud'), command: ['node', '-e', 'const s = "x".repeat(1e6); let n = 0; const go = () => { while (n++ < 100) if (!process.stdout.write(s)) return process.stdout.once("drain", go); require("fs").writeFileSync(process.env.SLUICE_OUTPUT, "y") }; go()'] })
const Silent = container('Silent', { image, command: ['true'] })
const Both = task('Both', { requires: () => [Loud(), Silent()] }, () => {})
export const both = pipeline('both', Both)`),
    )
    const ended = await project.sluice('run', 'both')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.equal(readFileSync(project.path('data/loud'), 'utf8'), 'y')
    const logs = globSync('.sluice/logs/*/*.jsonl', { cwd: project.folder })
    for (const path of logs) assert.ok(readFileSync(project.path(path)).length < 1e6, path)
    assert.match((await project.sluice('logs', 'latest', 'Silent')).stderr, /has written no lines/)
    assert.equal(listContainersOf(project), '')
  })
})

describe('a registry that does not answer', LIMIT, () => {
  it('is tried again later, and the message says why nothing starts', async (test) => {
    const project = testProject(
      test,
      makeContainerFiles(`
const Away = container('Away', { image: 'registry.invalid/team/tool:1', command: ['true'] })
export const away = pipeline('away', Away)`),
    )
    const { code, stdout, stderr } = await project.sluice('run', 'away', '--wait', '2s')
    assert.equal(code, 4, stdout + stderr)
    assert.match(
      stdout,
      /not_started Away.*the image registry\.invalid\/team\/tool:1 cannot be pulled: .*no such host/,
    )
    assert.equal(listContainersOf(project), '')
  })
})

const canMount = process.getuid?.() === 0 && process.platform === 'linux'

describe('a disk that is full', {
  ...LIMIT,
  skip: canMount ? false : 'takes root, for a small file system',
}, () => {
  it('fails the program that met it; with room it succeeds, and nothing is left', async (test) => {
    const project = testProject(
      test,
      makeContainerFiles(`
const Big = container('Big', { image, output: () => file('big'), retry: { attempts: 1 }, command: sh('head -c 3000000 /dev/zero > $SLUICE_OUTPUT') })
export const big = pipeline('big', Big)`),
    )
    mkdirSync(project.path('data'))
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', project.path('data')])
    try {
      const full = await project.sluice('run', 'big')
      assert.equal(full.code, 1, full.stdout + full.stderr)
      assert.match(full.stdout, /No space left on device/)
      assert.deepEqual(globSync('data/**/.*', { cwd: project.folder }), [])
      execFileSync('mount', ['-o', 'remount,size=8m', project.path('data')])
      const ended = await project.sluice('run', 'big')
      assert.equal(ended.code, 0, ended.stdout + ended.stderr)
      assert.equal(listContainersOf(project), '')
    } finally {
      execFileSync('umount', ['-l', project.path('data')])
    }
  })
})
