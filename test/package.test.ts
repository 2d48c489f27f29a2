import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Block, blocksOf } from './support/doc-blocks.ts'
import { projectFolder } from './support/folders.ts'

const run = (cwd: string, command: string, ...args: string[]) =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })

describe('the packed package, installed into an empty folder', { concurrency: false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-'))
  after(() => rmSync(folder, { recursive: true, force: true }))

  before(() => {
    run(projectFolder, 'npm', 'pack', '--pack-destination', folder)
    const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
    run(folder, 'npm', 'install', '--no-audit', '--no-fund', join(folder, tarball), 'zod')
  })

  /** As if they had been installed as well. */
  function linkPackages(...names: string[]): void {
    for (const name of names) {
      const to = join(folder, 'node_modules', name)
      mkdirSync(dirname(to), { recursive: true })
      if (!existsSync(to)) symlinkSync(join(projectFolder, 'node_modules', name), to)
    }
  }

  it('has the licence, and every page and picture that messages and pages point to', () => {
    const inside = join(folder, 'node_modules/sluice')
    assert.match(readFileSync(join(inside, 'LICENSE'), 'utf8'), /Apache License\s+Version 2\.0/)
    assert.equal(JSON.parse(readFileSync(join(inside, 'package.json'), 'utf8')).license, 'Apache-2.0')
    const files = globSync('{docs/**,README.md,CHANGELOG.md,LICENSE}', { cwd: inside })
    for (const page of files.filter((file) => file.endsWith('.md')))
      for (const [, link = ''] of readFileSync(join(inside, page), 'utf8').matchAll(
        /\]\(([^)#:]+)(#[^)]*)?\)/g,
      ))
        assert.ok(files.includes(join(dirname(page), link)), `${page} points to ${link}`)
    for (const code of globSync('{src,infra,functions,tasks}/**/*.ts', { cwd: projectFolder }))
      for (const [link] of readFileSync(join(projectFolder, code), 'utf8').matchAll(
        /docs\/[\w-]+\.(md|json|png|svg)/g,
      ))
        assert.ok(files.includes(link), `${code} points to ${link}`)
  })

  it('plays the tutorial from its first line to its last', async () => {
    const blocks = blocksOf('docs/tutorial.md')
    let printed = ''
    for (const block of blocks) printed = (await play(folder, block, printed)) ?? printed
    assert.ok(blocks.length > 10)
  })

  it('makes a project that the CDK deploys, as its own app and as that of the command', () => {
    linkPackages('aws-cdk', 'aws-cdk-lib', 'constructs', 'esbuild', '@types/node')
    mkdirSync(join(folder, 'visits'))
    const inside = join(folder, 'visits')
    const said = run(inside, 'npx', 'sluice', 'init', '--aws')
    assert.match(said, /Made package\.json, sluice\.config\.ts, .*cdk\.json, cdk-app\.ts\./)
    run(
      inside,
      process.execPath,
      join(projectFolder, 'node_modules/aws-cdk/bin/cdk'),
      'synth',
      '--quiet',
      '--no-notices',
    )
    const template = readFileSync(join(inside, '.sluice/cdk.out/sluice-visits-prod.template.json'), 'utf8')
    assert.match(template, /"StateMachineName": ?"sluice-visits-prod-hello"/)
    // The command looks at modules of pipelines alone: the app beside the config is none.
    assert.match(run(inside, 'npx', 'sluice', 'pipelines'), /hello/)
    assert.match(run(inside, 'npx', 'sluice', 'init', '--aws'), /Everything is there already\./)
    run(inside, join(projectFolder, 'node_modules/.bin/tsc'), '-p', '.')
  })

  it('starts fresh processes from a snapshot', () => {
    linkPackages('esbuild')
    const inside = join(folder, 'fresh')
    mkdirSync(inside)
    const config = `
import { defineConfig, json, pipeline, task } from 'sluice'
const Where = task('Where', { fresh: 'attempt', output: () => json('where') }, ({ output }) => output.write(process.argv[1]))
export default defineConfig({ pipelines: [pipeline('where', Where)] })`
    writeFileSync(join(inside, 'sluice.config.ts'), config)
    execFileSync('npx', ['sluice', 'run', 'where'], { cwd: inside, env: { ...process.env, HOME: inside } })
    assert.match(readFileSync(join(inside, 'data/where'), 'utf8'), /\/children\/snapshot-\w{6}\/child\.js"$/m)
  })

  it('type-checks its own examples, and finds a wrong name', () => {
    const tsc = join(projectFolder, 'node_modules/.bin/tsc')
    run(folder, tsc, '-p', '.')
    const example = readFileSync(join(folder, 'pipelines/hello.ts'), 'utf8')
    const wrong = example.replace('input.greeting.read()', 'input.greetings.read()')
    assert.notEqual(wrong, example)
    writeFileSync(join(folder, 'pipelines/hello.ts'), wrong)
    assert.throws(
      () => run(folder, tsc, '-p', '.'),
      (error: { stdout: string }) => /Property 'greetings' does not exist/.test(error.stdout),
    )
  })
})

/** Does what one block says, and returns what a command printed. */
async function play(folder: string, block: Block, printed: string): Promise<string | undefined> {
  if (block.note === 'elsewhere') return undefined
  if (block.language === 'sh') return runBlock(folder, block)
  if (block.language === 'ts') write(folder, block)
  else if (block.language === 'diff') change(folder, block)
  else if (block.language === 'text') assertPrinted(printed, block)
  else assert.fail(`${block.where}: a block is sh, ts, diff or text`)
  return undefined
}

function write(folder: string, { note, text }: Block): void {
  mkdirSync(dirname(join(folder, note)), { recursive: true })
  writeFileSync(join(folder, note), text)
}

/** Replaces the lines that the block removes or keeps with those that it adds or keeps. */
function change(folder: string, { note, text, where }: Block): void {
  const lines = text.trimEnd().split('\n')
  const without = (sign: string) =>
    lines.flatMap((line) => (line.startsWith(sign) ? [] : [line.slice(1)])).join('\n')
  const before = readFileSync(join(folder, note), 'utf8')
  assert.ok(before.includes(without('+')), `${where}: ${note} has other lines`)
  writeFileSync(
    join(folder, note),
    before.replace(without('+'), () => without('-')),
  )
}

/**
 * Runs a block as a person would type it and returns what it printed. Its note says how it ends: `exits N`, or `until
 * TEXT` for a command that is stopped with Ctrl-C once it has printed the text.
 */
function runBlock(folder: string, { note, text, where }: Block): Promise<string> {
  const [, code = '0'] = /^exits (\d)$/.exec(note) ?? []
  const [, awaited] = /^until (.+)$/.exec(note) ?? []
  const path = `${dirname(process.execPath)}:${process.env.PATH}`
  const env = { ...process.env, PATH: path, NO_COLOR: '1', NODE_TEST_CONTEXT: undefined }
  const shell = spawn('bash', ['-c', `set -e\n${text}`], { cwd: folder, env, detached: true })
  let printed = ''
  let isStopped = false
  const hear = (data: Buffer) => {
    printed += data
    if (isStopped || awaited === undefined || !printed.includes(awaited)) return
    isStopped = true
    // A terminal sends Ctrl-C to the whole group.
    process.kill(-(shell.pid as number), 'SIGINT')
  }
  shell.stdout.on('data', hear)
  shell.stderr.on('data', hear)
  return new Promise((resolve, reject) =>
    shell.on('close', (ended) => {
      // Bash ends by the signal as well.
      if (isStopped ? ended === null || ended === 0 : String(ended) === code) resolve(printed)
      else reject(new Error(`${where} ended with ${ended} instead of ${code}:\n${printed}`))
    }),
  )
}

/** Each line of the block was printed, in this order; `…` stands for any text. */
function assertPrinted(printed: string, { text, where }: Block): void {
  let from = 0
  for (const line of text.trim().split('\n')) {
    const pattern = line.trim().split('…').map(RegExp.escape).join('.*')
    const found = new RegExp(pattern).exec(printed.slice(from))
    assert.ok(found, `${where}: ${line} was not printed:\n${printed}`)
    from += found.index + found[0].length
  }
}
