import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { projectFolder, temporaryFolder } from './folders.ts'

const binOf = (version: string) => join(version, 'bin/sluice.js')

/** How a command ended. */
export interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** A command on its way; `ended` resolves when it has ended, whatever its code. */
export interface Started {
  child: ChildProcess
  ended: Promise<Ended>
  /** What it has printed so far. */
  stdout(): string
}

/** How a command is started. */
interface StartOptions {
  /** A checkout of another version, whose command is started. */
  version?: string
  env?: Record<string, string>
  input?: string
  cwd?: string
}

/** A project of a test's own. */
export interface TestProject {
  folder: string
  path(...parts: string[]): string
  write(path: string, content: string): void
  /** Starts the command; `ended` resolves when it has ended, whatever its code. */
  start(args: string[], options?: StartOptions): Started
  sluice(...args: string[]): Promise<Ended>
  /** The same after a command of the shell, for instance one that limits what a process may have. */
  limited(shell: string, ...args: string[]): Promise<Ended>
  /** The same on a terminal of its own, to which both outputs go; `env` is as of {@link StartOptions}. */
  onTerminal(args: string[], env?: Record<string, string>): Promise<Ended>
  /** The same with `--json`, parsed. */
  // biome-ignore lint/suspicious/noExplicitAny: data of the command, whatever it is
  json(...args: string[]): Promise<any>
  /** The same for a list: a value for each line. */
  // biome-ignore lint/suspicious/noExplicitAny: data of the command, whatever it is
  jsonLines(...args: string[]): Promise<any[]>
}

/** A project with these files, and a config over `pipelines/*.ts` where none is given. */
export function testProject(test: TestContext, files: Record<string, string>): TestProject {
  const folder = temporaryFolder(test)
  const path = (...parts: string[]) => join(folder, ...parts)
  const write = (name: string, content: string) => {
    mkdirSync(dirname(path(name)), { recursive: true })
    writeFileSync(path(name), content)
  }
  const config =
    "import { defineConfig } from 'sluice'\nexport default defineConfig({ pipelines: ['pipelines/*.ts'] })\n"
  const all = { 'package.json': '{"type":"module"}', 'sluice.config.ts': config, ...files }
  for (const [name, content] of Object.entries(all)) write(name, content)
  symlinkSync(join(projectFolder, 'node_modules'), path('node_modules'))

  const spawned = (
    [program = '', ...args]: string[],
    { env = {}, input, cwd = folder }: StartOptions = {},
  ): Started => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, NO_COLOR: '1', ...env },
    })
    test.after(() => child.kill('SIGKILL'))
    child.stdin.end(input)
    return { child, ...collect(child) }
  }
  const start: TestProject['start'] = (args, options = {}) =>
    spawned([process.execPath, binOf(options.version ?? projectFolder), ...args], options)
  const limited = (shell: string, ...args: string[]) =>
    spawned(['sh', '-c', `${shell}; exec "$0" "$@"`, process.execPath, binOf(projectFolder), ...args]).ended
  const onTerminal = (args: string[], env: Record<string, string> = {}) => {
    const quoted = [process.execPath, binOf(projectFolder), ...args].map((each) => `'${each}'`).join(' ')
    return spawned(['/usr/bin/script', '-qec', quoted, '/dev/null'], { env: { SHELL: '/bin/sh', ...env } })
      .ended
  }
  const sluice = (...args: string[]) => start(args).ended
  const json = async (...args: string[]) => JSON.parse((await sluice(...args, '--json')).stdout)
  const jsonLines = async (...args: string[]) => {
    const { stdout } = await sluice(...args, '--json')
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
  }
  return { folder, path, write, start, sluice, limited, onTerminal, json, jsonLines }
}

function collect(child: ChildProcess): Pick<Started, 'ended' | 'stdout'> {
  let stdout = ''
  let stderr = ''
  child.stdout?.on('data', (data) => {
    stdout += data
  })
  child.stderr?.on('data', (data) => {
    stderr += data
  })
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  )
  return { ended, stdout: () => stdout }
}
