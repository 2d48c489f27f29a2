import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { pathToFileURL } from 'node:url'
import { testProject } from './support/cli.ts'
import { type Block, blocksOf } from './support/doc-blocks.ts'
import { errorsPage } from './support/errors-page.ts'
import { projectFolder } from './support/folders.ts'
import { planSchemaFile } from './support/plan-schema.ts'

/** Commands that .ci/run types in a clean checkout, and those that the test of the tarball types as a user. */
const ELSEWHERE = [
  'npm ci && npm start',
  'npm ci && npm test',
  'npm pack',
  'npm install ../sluice/sluice-0.1.0.tgz zod',
  'npx sluice init',
]

/** The tutorial is played from its first line to its last by the test of the tarball. */
const files = ['README.md', ...globSync('docs/*.md', { cwd: projectFolder })]
  .filter((file) => file !== 'docs/tutorial.md')
  .sort()

/** A project with all code of one document in it. */
function projectWith(test: TestContext, blocks: Block[]) {
  const project = testProject(test, {})
  for (const { note, text } of listCode(blocks)) project.write(note, text)
  return project
}

const listCode = (blocks: Block[]) => blocks.filter(({ language }) => language === 'ts')

it('the code of all documents type-checks', (test) => {
  const settings = readFileSync(join(projectFolder, 'tsconfig.json'), 'utf8')
  const project = testProject(test, {
    'tsconfig.json': settings.replace(/\.\/(src|infra)\//g, `${projectFolder}/$1/`),
    'tsconfig.docs.json': JSON.stringify({ extends: './tsconfig.json', include: ['code'] }),
  })
  // A folder for each, so that a message says which one is wrong; together, because each would read the whole library.
  for (const file of files)
    for (const { note, text } of listCode(blocksOf(file))) project.write(join('code', file, note), text)
  const tsc = join(projectFolder, 'node_modules/.bin/tsc')
  const { status, stdout } = spawnSync(tsc, ['-p', 'tsconfig.docs.json', '--listFiles'], {
    cwd: project.folder,
    encoding: 'utf8',
  })
  assert.equal(
    status,
    0,
    stdout
      .split('\n')
      .filter((line) => line.startsWith('code/'))
      .join('\n') || stdout,
  )
  const read = stdout.split('\n').filter((path) => path.startsWith(project.path('code')))
  const written = new Set(
    files.flatMap((file) => listCode(blocksOf(file)).map(({ note }) => join(file, note))),
  )
  assert.equal(read.length, written.size)
})

for (const file of files) {
  const blocks = blocksOf(file)
  describe(file, () => {
    it('has only blocks that are checked', () => {
      for (const { language, note, where } of blocks) {
        assert.ok(['ts', 'sh', 'text'].includes(language), `${where}: a block is ts, sh or text`)
        if (language === 'ts') assert.match(note, /\.ts$/, `${where}: code has a path`)
      }
    })

    const has = (language: string) => blocks.some((block) => block.language === language)

    if (blocks.some(({ note }) => note.endsWith('.test.ts')))
      it('has tests that pass', (test) => {
        const project = projectWith(test, blocks)
        const library = pathToFileURL(join(projectFolder, 'src/project/resolve-self.ts')).href
        const tests = blocks.filter(({ note }) => note.endsWith('.test.ts')).map(({ note }) => note)
        const { status, stdout } = spawnSync(process.execPath, ['--import', library, '--test', ...tests], {
          cwd: project.folder,
          env: { ...process.env, NODE_TEST_CONTEXT: undefined },
          encoding: 'utf8',
        })
        assert.equal(status, 0, stdout)
        assert.match(stdout, new RegExp(`pass ${tests.length}`))
      })

    if (has('sh'))
      it('has commands that run', (test) => {
        const project = projectWith(test, blocks)
        for (const { note, text, where } of blocks.filter((block) => block.language === 'sh'))
          if (note === 'project') runIn(project.folder, text, where)
          else if (note === 'checkout') runCheckout(testProject(test, {}), text, where)
          else assertRunElsewhere(text, where)
      })
  })
}

const bin = join(projectFolder, 'bin/sluice.js')

function runIn(folder: string, text: string, where: string): void {
  const script = `set -e\nnpx() { shift; ${JSON.stringify(process.execPath)} ${JSON.stringify(bin)} "$@"; }\n${text}`
  try {
    execFileSync('bash', ['-c', script], {
      cwd: folder,
      stdio: 'pipe',
      env: { ...process.env, NODE_TEST_CONTEXT: undefined },
    })
  } catch (error) {
    const { stdout, stderr } = error as { stdout: Buffer; stderr: Buffer }
    assert.fail(`${where}\n${stdout}${stderr}`)
  }
}

/** What is typed in a checkout after `npm start`: the same commands on a run of the sample's pipeline. */
function runCheckout(project: ReturnType<typeof testProject>, text: string, where: string): void {
  const config = readFileSync(join(projectFolder, 'sluice.config.ts'), 'utf8')
  project.write(
    'sluice.config.ts',
    config.replace("'tasks/*/pipeline.ts'", JSON.stringify(join(projectFolder, 'tasks/*/pipeline.ts'))),
  )
  project.write(
    'saved.xml',
    '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/"><error code="noRecordsMatch"/></OAI-PMH>',
  )
  runIn(project.folder, 'npx sluice run arxlive --date 2024-03-04 --source "file://$PWD/saved.xml"', where)
  runIn(project.folder, text, where)
}

function assertRunElsewhere(text: string, where: string): void {
  for (const line of text.trim().split('\n'))
    assert.ok(ELSEWHERE.includes(line), `${where}: nothing runs ${line}`)
}

it('the gate runs the commands of the README', () => {
  const gate = readFileSync(join(projectFolder, '.ci/run'), 'utf8')
  assert.match(gate, /^step install npm ci$/m)
  for (const command of ELSEWHERE.slice(0, 2)) {
    const [install, own] = command.split(' && ')
    assert.equal(install, 'npm ci')
    assert.match(gate, new RegExp(`^step \\w+ ${own}( |$)`, 'm'))
  }
})

it('the schema of plans is that which reads them', () => {
  assert.equal(
    readFileSync(join(projectFolder, 'docs/plan.schema.json'), 'utf8'),
    planSchemaFile(),
    'run: npm run docs:plan',
  )
})

it('the page of errors is that of the table', () => {
  assert.equal(
    readFileSync(join(projectFolder, 'docs/errors.md'), 'utf8'),
    errorsPage(),
    'run: npm run docs:errors',
  )
})
