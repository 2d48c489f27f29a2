import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, globSync, readFileSync, rmSync } from 'node:fs'
import { delimiter } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { type TestProject, testProject } from '../support/cli.ts'
import { LIMIT, listContainersOf, makeContainerFiles } from '../support/containers.ts'
import { until } from '../support/processes.ts'

/*
 * Podman's own service in the place of a daemon, called by the clients that people have: Docker's and Podman's. It can be killed, held
 * up and started anew without harm to other tests.
 */

const podman = findProgram('podman')
const isPodman = podman !== undefined && process.env.TEST_ENGINE !== 'docker'

function findProgram(name: string): string | undefined {
  try {
    return execFileSync('sh', ['-c', `command -v ${name}`], { encoding: 'utf8' }).trim()
  } catch {
    return undefined
  }
}

/** Prints `begin` with an id of its own, and has its output after some seconds. */
const FILES = makeContainerFiles(`
const Slow = container('Slow', { image, output: () => file('slow.txt'),
  command: sh('id=$(cat /proc/sys/kernel/random/uuid); echo begin $id; for i in 1 2 3 4 5 6 7 8; do sleep 1; echo line $i; done; echo $id > $SLUICE_OUTPUT') })
export const slow = pipeline('slow', Slow)`)

interface Daemon {
  project: TestProject
  start(): Promise<void>
  kill(): Promise<void>
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
  sluice(...args: string[]): ReturnType<TestProject['start']>
}

async function startDaemon(test: TestContext, client: 'docker' | 'podman'): Promise<Daemon> {
  const project = testProject(test, {
    ...FILES,
    'bin/podman': `#!/bin/sh\nexec ${podman} --remote "$@"\n`,
  })
  chmodSync(project.path('bin/podman'), 0o755)
  const socket = project.path('engine.sock')
  const address = `unix://${socket}`
  // Without an address Docker's client finds no daemon here, so that Podman's is used.
  const env = {
    PATH: `${project.path('bin')}${delimiter}${process.env.PATH}`,
    ...(client === 'docker' ? { DOCKER_HOST: address } : { CONTAINER_HOST: address }),
  }
  let service: ChildProcess | undefined
  const kill = async () => {
    const child = service
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const ended = new Promise((resolve) => child.once('close', resolve))
    child.kill('SIGKILL')
    await ended
  }
  test.after(kill)
  const daemon: Daemon = {
    project,
    async start() {
      rmSync(socket, { force: true })
      service = spawn(podman ?? '', ['system', 'service', '--time=0', address], { stdio: 'ignore' })
      await until(() => existsSync(socket))
    },
    kill,
    signal: (name) => void service?.kill(name),
    sluice: (...args) => project.start(args, { env }),
  }
  await daemon.start()
  return daemon
}

/**
 * The program has begun, and its engine knows it: in the moment between the two the engine may take it for one that never began, and
 * the attempt begins anew, after that container was removed.
 */
async function begun({ project }: Daemon): Promise<void> {
  await until(() => readLogs(project).includes('line 1'))
}

const readLogs = (project: TestProject) =>
  globSync('.sluice/logs/*/*.jsonl', { cwd: project.folder })
    .map((path) => readFileSync(project.path(path), 'utf8'))
    .join('')

/** The program ran once, its output is in place, and nothing is left. */
function assertOnce({ project }: Daemon) {
  const ids = [...readLogs(project).matchAll(/begin ([0-9a-f-]{36})/g)].map(([, id]) => id)
  assert.deepEqual(new Set(ids), new Set([readFileSync(project.path('data/slow.txt'), 'utf8').trim()]))
  assert.equal(listContainersOf(project), '')
  assert.deepEqual(globSync('data/**/.*', { cwd: project.folder }), [])
}

for (const client of ['docker', 'podman'] as const)
  describe(`an engine that stops in the middle, called by ${client}`, {
    ...LIMIT,
    skip: !isPodman || findProgram(client) === undefined ? `takes podman and ${client}` : false,
  }, () => {
    it('and is back at once: the attempt goes on, and each line comes once', async (test) => {
      const daemon = await startDaemon(test, client)
      const run = daemon.sluice('run', 'slow')
      await begun(daemon)
      await daemon.kill()
      await daemon.start()
      const { code, stdout, stderr } = await run.ended
      assert.equal(code, 0, stdout + stderr)
      assertOnce(daemon)
      const lines = [...readLogs(daemon.project).matchAll(/line (\d)/g)].map(([, n]) => n)
      assert.deepEqual(lines, ['1', '2', '3', '4', '5', '6', '7', '8'])
    })

    it('and stays away: one message says what to do, and the same command goes on later', async (test) => {
      const daemon = await startDaemon(test, client)
      const run = daemon.sluice('run', 'slow', '--wait', '1s')
      await begun(daemon)
      await daemon.kill()
      const away = await run.ended
      assert.equal(away.code, 4, away.stdout + away.stderr)
      assert.match(
        away.stdout,
        new RegExp(`not_started Slow .*${client} does not answer \\(.*Start it again`),
      )
      await daemon.start()
      const { code, stdout, stderr } = await daemon.sluice('run', 'slow').ended
      assert.equal(code, 0, stdout + stderr)
      assertOnce(daemon)
    })

    it('and is held up: Ctrl-C ends the command, and the same command goes on later', async (test) => {
      const daemon = await startDaemon(test, client)
      const run = daemon.sluice('run', 'slow')
      await begun(daemon)
      daemon.signal('SIGSTOP')
      run.child.kill('SIGINT')
      const stopped = await run.ended
      assert.equal(stopped.code, 4, stopped.stdout + stopped.stderr)
      assert.match(stopped.stdout, new RegExp(`${client} does not answer \\(no answer within 10 s\\)`))
      daemon.signal('SIGCONT')
      const { code, stdout, stderr } = await daemon.sluice('run', 'slow').ended
      assert.equal(code, 0, stdout + stderr)
      assertOnce(daemon)
    })

    it('and is held up for a minute: the attempt ends by itself, and the same command goes on later', async (test) => {
      if (client === 'podman') return test.skip('the same as for docker, and it takes two minutes')
      const daemon = await startDaemon(test, client)
      const run = daemon.sluice('run', 'slow', '--wait', '1s')
      await begun(daemon)
      daemon.signal('SIGSTOP')
      const away = await run.ended
      assert.equal(away.code, 4, away.stdout + away.stderr)
      assert.match(away.stdout, /not_started Slow .*does not answer \(no answer within 60 s\)/)
      daemon.signal('SIGCONT')
      const { code, stdout, stderr } = await daemon.sluice('run', 'slow').ended
      assert.equal(code, 0, stdout + stderr)
      assertOnce(daemon)
    })
  })
