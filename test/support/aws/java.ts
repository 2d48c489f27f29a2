import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where downloaded servers are kept between runs. */
const CACHE = new URL('../../../node_modules/.cache/sluice-tests/', import.meta.url).pathname
const START_MS = 60_000

/** Why servers in Java cannot be started here; undefined where they can. */
function missing(): string | undefined {
  for (const [program, flag] of [
    ['java', '-version'],
    ['mvn', '--version'],
  ] as const)
    try {
      execFileSync(program, [flag], { stdio: 'ignore' })
    } catch {
      return program
    }
}

/**
 * Options for tests that need a server in Java: skipped, with one line that says so, where Java or Maven is missing. In CI
 * they are not skipped, and fail there.
 */
export function needsJava(what: string): { skip?: string } {
  const program = missing()
  if (program === undefined || process.env.CI !== undefined) return {}
  console.log(`skipped: ${what} needs ${program}, which is not installed`)
  return { skip: `${program} is not installed` }
}

/** A Maven artifact with all that it depends on, as a folder of jars; downloaded once. */
function jars(group: string, artifact: string, version: string): string {
  const folder = join(CACHE, `${artifact}-${version}`)
  if (existsSync(folder)) return folder
  mkdirSync(CACHE, { recursive: true })
  const made = mkdtempSync(join(CACHE, 'download-'))
  writeFileSync(
    join(made, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
      <groupId>sluice</groupId><artifactId>servers</artifactId><version>1</version><dependencies><dependency>
      <groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>
      </dependency></dependencies></project>`,
  )
  execFileSync('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=lib'], {
    cwd: made,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  try {
    renameSync(join(made, 'lib'), folder)
  } catch (error) {
    // Another test file was quicker.
    if (!existsSync(folder)) throw error
  }
  rmSync(made, { recursive: true })
  return folder
}

/** A server on this machine. */
export interface Server {
  endpoint: string
  stop(): void
}

/** How a server is had and started. */
export interface JavaServer {
  artifact: [group: string, artifact: string, version: string]
  args: (jars: string, port: number) => string[]
}

/** A server that lives for seconds would spend most of its time on being made quick for hours. */
const SHORT_LIVED = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto']

/** Starts a server on a free port and waits until it answers. */
export async function startJava({ artifact, args }: JavaServer): Promise<Server> {
  const folder = jars(...artifact)
  const port = await freePort()
  const child = spawn('java', [...SHORT_LIVED, ...args(folder, port)], { cwd: tmpdir(), stdio: 'ignore' })
  const stop = () => child.kill('SIGKILL')
  process.once('exit', stop)
  await answers(port, child)
  return { endpoint: `http://127.0.0.1:${port}`, stop }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  const until = Date.now() + START_MS
  while (Date.now() < until) {
    if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`)
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
      socket.on('close', () => socket.destroy()).end()
    })
    if (isThere) return
    await sleep(50)
  }
  throw new Error(`no server on port ${port} after ${START_MS / 1000} s`)
}
