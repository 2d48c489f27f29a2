import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freshFolder, script, type Told, told, work } from './commands.ts'

/** What Sluice is measured against, in versions that were current when this was written. */
const PACKAGES = ['luigi==3.8.1', 'doit==0.37.0', 'ninja==1.13.2']

/** The peers in a virtual environment. */
export interface Peers {
  luigi(shape: string, size: number, scheduler?: string): Promise<Told>
  luigid(shape: string, size: number): Promise<Told>
  /** Serves luigid for as long as it is used. */
  serveLuigid<T>(use: (port: string) => Promise<T>): Promise<T>
  doit(shape: string, size: number): Promise<Told>
  /** Runs a command and tells its time and peak memory. */
  measured(command: string[]): Promise<Told>
  ninja: string
  /** The Python that has Luigi. */
  python: string
}

/** Installs the peers; undefined where there is no Python or no way to its packages. */
export function installPeers(): Peers | undefined {
  const folder = join(work, 'venv')
  const at = (program: string) => join(folder, 'bin', program)
  try {
    execFileSync('python3', ['-m', 'venv', folder], { stdio: 'ignore' })
    execFileSync(at('pip'), ['install', '--quiet', ...PACKAGES], { stdio: ['ignore', 'ignore', 'inherit'] })
  } catch (error) {
    console.log(`Peers are left out: ${(error as Error).message.split('\n')[0]}`)
    return undefined
  }
  const python = (name: string, ...args: string[]) => told(at('python'), [script('peers', name), ...args])
  const luigi = (shape: string, size: number, scheduler = 'local') =>
    python('luigi_shapes.py', shape, String(size), freshFolder(), scheduler)
  return {
    luigi,
    luigid: (shape, size) => withLuigid(at('luigid'), (port) => luigi(shape, size, port)),
    serveLuigid: (use) => withLuigid(at('luigid'), use),
    doit: (shape, size) => python('doit_shapes.py', shape, String(size), freshFolder()),
    measured: (command) => python('measured.py', ...command),
    ninja: at('ninja'),
    python: at('python'),
  }
}

/** A port that is most likely free. */
export const findBenchPort = () => String(20_000 + Math.floor(Math.random() * 20_000))

async function withLuigid<T>(program: string, use: (port: string) => Promise<T>): Promise<T> {
  const port = findBenchPort()
  const daemon = spawn(
    program,
    ['--port', port, '--address', '127.0.0.1', '--state-path', join(freshFolder(), 'state')],
    {
      stdio: 'ignore',
    },
  )
  try {
    for (let tries = 0; tries < 100; tries++) {
      if (await answers(port)) break
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    return await use(port)
  } finally {
    daemon.kill('SIGKILL')
  }
}

/** Whether something listens there. */
export async function answers(port: string): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/`)
    return true
  } catch {
    return false
  }
}

/** The same `touch` commands for ninja and as a plan for Sluice, each in a folder of its own. */
export function touchCommands(size: number): { ninja: string; plan: string } {
  const [ninja, ours] = [freshFolder(), freshFolder()]
  const numbers = Array.from({ length: size }, (_, number) => number)
  const rules = [
    'rule touch',
    '  command = touch $out',
    ...numbers.map((number) => `build out/${number}: touch`),
  ]
  writeFileSync(join(ninja, 'build.ninja'), `${rules.join('\n')}\n`)
  const header = { plan: 1, pipeline: 'touch' }
  const lines = numbers.map((number) => ({
    task: String(number),
    command: ['touch', join('out', String(number))],
    output: join(ours, 'out', String(number)),
  }))
  // ninja makes folders; a plan's commands find them.
  mkdirSync(join(ours, 'out'))
  const plan = join(ours, 'plan.jsonl')
  writeFileSync(plan, [header, ...lines].map((line) => `${JSON.stringify(line)}\n`).join(''))
  return { ninja, plan }
}
