import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { projectFolder, temporaryFolder } from './support/folders.ts'

const bin = (name: string) => join(projectFolder, 'node_modules/.bin', name)

/** A small copy of the project's shape, with the project's own settings. */
function tree(test: TestContext, files: Record<string, string>): string {
  const folder = temporaryFolder(test)
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
  for (const name of ['tsconfig.json', '.dependency-cruiser.cjs', 'biome.json', 'package.json'])
    copyFileSync(join(projectFolder, name), join(folder, name))
  symlinkSync(join(projectFolder, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

function check(folder: string, command: string, ...args: string[]): { code: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(bin(command), args, { cwd: folder, encoding: 'utf8' })
  return { code: status, output: stdout + stderr }
}

const good = 'export const one = 1\n'
const importing = (path: string) => `import '${path}'\n`

const LAW: [breach: string, files: Record<string, string>, rule: string][] = [
  [
    'core imports engine',
    { 'src/core/a.ts': importing('../engine/b.ts'), 'src/engine/b.ts': good },
    'core-stands-alone',
  ],
  ['core reads files', { 'src/core/a.ts': importing('node:fs') }, 'core-does-no-io'],
  [
    'engine imports an adapter',
    { 'src/engine/a.ts': importing('../adapters/x/b.ts'), 'src/adapters/x/b.ts': good },
    'engine-needs-core',
  ],
  [
    'define imports a home',
    { 'src/define/a.ts': importing('../homes/local/b.ts'), 'src/homes/local/b.ts': good },
    'define-needs-core',
  ],
  [
    'an adapter imports another',
    { 'src/adapters/x/a.ts': importing('../y/b.ts'), 'src/adapters/y/b.ts': good },
    'adapters-need-core-alone',
  ],
  [
    'the code that runs a body imports a runner',
    { 'src/body/a.ts': importing('../runners/b.ts'), 'src/runners/b.ts': good },
    'body-runs-what-is-defined',
  ],
  [
    'a runner imports an adapter',
    { 'src/runners/a.ts': importing('../adapters/x/b.ts'), 'src/adapters/x/b.ts': good },
    'runners-run-bodies',
  ],
  [
    'a kind of runner imports another',
    { 'src/runners/command/a.ts': importing('../process/b.ts'), 'src/runners/process/b.ts': good },
    'kinds-of-runners-stand-alone',
  ],
  [
    'a home imports the command',
    { 'src/homes/local/a.ts': importing('../../cli/b.ts'), 'src/cli/b.ts': good },
    'local-home-composes',
  ],
  [
    'a home imports another',
    { 'src/homes/simulated/a.ts': importing('../local/b.ts'), 'src/homes/local/b.ts': good },
    'simulated-home-composes',
  ],
  [
    'the home of deployments imports the one of this machine',
    { 'src/homes/aws/a.ts': importing('../local/b.ts'), 'src/homes/local/b.ts': good },
    'aws-home-composes',
  ],
  [
    'a handler imports an adapter',
    { 'src/homes/aws/handlers/a.ts': importing('../../../adapters/x/b.ts'), 'src/adapters/x/b.ts': good },
    'handlers-know-no-aws',
  ],
  [
    'planning imports control',
    { 'src/planning/a.ts': importing('../control/b.ts'), 'src/control/b.ts': good },
    'planning-reads-definitions',
  ],
  [
    'loading a project imports planning',
    { 'src/project/a.ts': importing('../planning/b.ts'), 'src/planning/b.ts': good },
    'project-loads-definitions',
  ],
  [
    'control imports a home',
    { 'src/control/a.ts': importing('../homes/local/b.ts'), 'src/homes/local/b.ts': good },
    'control-acts',
  ],
  [
    'a command imports the engine',
    { 'src/cli/commands/a.ts': importing('../../engine/b.ts'), 'src/engine/b.ts': good },
    'commands-ask-control',
  ],
  [
    'a command knows a record of the store',
    { 'src/cli/commands/a.ts': importing('../../core/keys.ts'), 'src/core/keys.ts': good },
    'commands-ask-control',
  ],
  [
    'text is made by what asks',
    { 'src/cli/render/a.ts': importing('../b.ts'), 'src/cli/b.ts': good },
    'text-is-made-from-shapes',
  ],
  [
    'the bundler imports a home',
    { 'src/bundling/a.ts': importing('../homes/local/b.ts'), 'src/homes/local/b.ts': good },
    'bundling-bundles',
  ],
  [
    'a function imports the command',
    { 'functions/a.ts': importing('../src/cli/b.ts'), 'src/cli/b.ts': good },
    'entries-compose',
  ],
  [
    'something imports an entry',
    { 'src/bundling/a.ts': importing('../../worker/b.ts'), 'worker/b.ts': good },
    'nothing-imports-entries',
  ],
  [
    'the stack imports the engine',
    { 'infra/a.ts': importing('../src/engine/b.ts'), 'src/engine/b.ts': good },
    'infra-reads-the-config',
  ],
  [
    'a pipeline reaches into the engine',
    { 'tasks/x/a.ts': importing('../../src/engine/b.ts'), 'src/engine/b.ts': good },
    'pipelines-use-the-library',
  ],
  [
    'the API imports the engine',
    { 'src/http/a.ts': importing('../engine/b.ts'), 'src/engine/b.ts': good },
    'http-asks-control',
  ],
  [
    'the scheduler of Luigi imports control',
    { 'src/luigi/a.ts': importing('../control/b.ts'), 'src/control/b.ts': good },
    'luigi-schedules-alone',
  ],
  [
    'a rule of the scheduler of Luigi knows how it is kept',
    { 'src/luigi/scheduler/a.ts': importing('../b.ts'), 'src/luigi/b.ts': good },
    'luigi-rules-are-pure',
  ],
  ['the scheduler of Luigi reads files', { 'src/luigi/a.ts': importing('node:fs') }, 'luigi-does-no-io'],
  [
    'two modules import each other',
    { 'src/core/a.ts': importing('./b.ts'), 'src/core/b.ts': importing('./a.ts') },
    'no-cycles',
  ],
]

/** Modules of the breaches by their numbers, so that one tree has all of them: `a.ts` of the third is `a3.ts`. */
function numberModules(number: number, files: Record<string, string>): [path: string, content: string][] {
  const numbered = (text: string) => text.replaceAll(/\b(a|b|keys)\.ts\b/g, `$1${number}.ts`)
  return Object.entries(files).map(([path, content]) => [numbered(path), numbered(content)])
}

describe('the dependency law', () => {
  it('fails', async (test) => {
    const files = Object.fromEntries(LAW.flatMap(([, each], number) => numberModules(number, each)))
    const roots = new Set(Object.keys(files).map((path) => path.slice(0, path.indexOf('/'))))
    const { code, output } = check(tree(test, files), 'depcruise', ...roots)
    assert.notEqual(code, 0)
    for (const [number, [breach, each, rule]] of LAW.entries())
      await test.test(`when ${breach}`, () => {
        const [[path = ''] = []] = numberModules(number, each)
        assert.match(output, new RegExp(`error ${rule}: ${path}`))
      })
  })

  it('passes on a tree that keeps it', (test) => {
    const files = { 'src/core/a.ts': good, 'src/engine/b.ts': importing('../core/a.ts') }
    const { code, output } = check(tree(test, files), 'depcruise', 'src')
    assert.equal(code, 0, output)
    assert.match(output, /2 modules, 1 dependencies cruised/)
  })
})

describe('the checks', () => {
  it('fail on a wrong format and on a lint', (test) => {
    const folder = tree(test, {
      'a.ts': 'export const a = "x";\n',
      'b.ts': 'export const b: any = 1\n',
      'c.ts': good,
    })
    const biome = (file: string) =>
      check(folder, 'biome', 'check', '--error-on-warnings', '--vcs-enabled=false', file)
    assert.match(biome('a.ts').output, /Formatter would have printed/)
    assert.match(biome('b.ts').output, /noExplicitAny/)
    assert.notEqual(biome('b.ts').code, 0)
    assert.equal(biome('c.ts').code, 0)
  })

  it('fail on a wrong type', (test) => {
    const folder = tree(test, { 'src/a.ts': 'export const a: string = 1\n' })
    assert.match(
      check(folder, 'tsc', '-p', 'tsconfig.json').output,
      /Type 'number' is not assignable to type 'string'/,
    )
  })

  it('fail on an export that nobody uses', (test) => {
    const folder = tree(test, {
      'src/index.ts': importing('./a.ts'),
      'src/a.ts': 'export const unused = 1\n',
      'knip.json': '{"entry":["src/index.ts"],"project":["src/**"]}',
    })
    const { code, output } = check(folder, 'knip', '--include', 'exports')
    assert.notEqual(code, 0)
    assert.match(output, /unused +src\/a\.ts/)
  })
})
