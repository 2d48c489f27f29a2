import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it, type TestContext } from 'node:test'
import { type Ended, type TestProject, testProject } from '../support/cli.ts'
import { engine, LIMIT, listContainersOf } from '../support/containers.ts'
import { projectFolder } from '../support/folders.ts'

const IMAGE = 'localhost/sluice-test-luigi:1'
const tasks = join(projectFolder, 'test/luigi-tasks')
const site = join(projectFolder, '.cache/luigi-site')

/** An image with tasks of Luigi and an entry point that is of no use here. */
function buildImage(): void {
  const version = engine(
    'run',
    '--rm',
    'localhost/sluice-test-python:3',
    'python3',
    '-c',
    'import sys; print("%d.%d" % sys.version_info[:2])',
  )
  if (!existsSync(site)) {
    const args = [
      'install',
      '--quiet',
      '--target',
      join(site, 'packages'),
      '--only-binary=:all:',
      '--python-version',
      version.stdout.trim(),
    ]
    execFileSync('python3', ['-m', 'pip', ...args, 'luigi==3.8.1'], { stdio: 'inherit' })
  }
  for (const module of ['reports.py', 'wrong.py']) cpSync(join(tasks, module), join(site, module))
  const lines = [
    'FROM localhost/sluice-test-python:3',
    'COPY packages /packages',
    'ENV PYTHONPATH=/packages',
    'WORKDIR /app',
    'COPY reports.py wrong.py /app/',
    'ENTRYPOINT ["/bin/false"]',
  ]
  writeFileSync(join(site, 'Dockerfile'), lines.join('\n'))
  const { status, stderr } = engine('build', '--quiet', '--tag', IMAGE, site)
  assert.equal(status, 0, stderr)
}

interface LuigiProject extends TestProject {
  luigi(...args: string[]): Promise<Ended>
  read(path: string): string
}

function luigiProject(test: TestContext): LuigiProject {
  const project = testProject(test, { 'numbers.txt': '7\n8\n' })
  mkdirSync(project.path('out'))
  const mounts = ['--mount', 'out:/app/out', '--mount', 'numbers.txt:/app/numbers.txt']
  return {
    ...project,
    luigi: (...args) => project.sluice('luigi', '--image', IMAGE, ...mounts, ...args),
    read: (path) => readFileSync(project.path(path), 'utf8'),
  }
}

describe('tasks of Luigi in an image', { ...LIMIT, concurrency: false }, () => {
  before(buildImage)

  it('are planned and run in containers, with dynamic requirements', async (test) => {
    const project = luigiProject(test)
    const ended = await project.luigi('--module', 'reports', 'Found', '--date', '2026-01-31')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.equal(project.read('out/2026-01-31/found.txt'), '70\n80\n')
    const { tasks } = await project.json('status', 'latest')
    assert.ok(tasks.every(({ image, status }: Record<string, string>) => image || status === 'complete'))
    const again = await project.luigi('--module', 'reports', 'Found', '--date', '2026-01-31')
    assert.match(again.stdout, /Nothing to do: Found\(date=2026-01-31\) is complete/)
    assert.equal(listContainersOf(project), '')
  })

  it('fail with their exception, and not because a process ended well too early', async (test) => {
    const project = luigiProject(test)
    const exits = await project.luigi('--module', 'wrong', 'Exits')
    assert.equal(exits.code, 1, exits.stdout + exits.stderr)
    assert.match(exits.stdout, /Exits: SystemExit: 0/)
    const ends = await project.luigi('--module', 'wrong', 'EndsProcess')
    assert.equal(ends.code, 1, ends.stdout + ends.stderr)
    assert.match(ends.stdout, /EndsProcess: its process ended with exit code 0 before `run\(\)` had ended/)
  })

  it('are refused with the messages of this machine', async (test) => {
    const project = luigiProject(test)
    const task = await project.luigi('--module', 'wrong', 'Strikt')
    assert.equal(task.code, 2)
    assert.match(task.stderr, /No task is called Strikt\. Did you mean Strict\?/)
    const python = await project.luigi('--python', 'python9', '--module', 'wrong', 'Strict')
    assert.equal(python.code, 2)
    assert.match(python.stderr, /python9/)
    const mount = await project.sluice('luigi', '--mount', 'a:/b', '--module', 'wrong', 'Strict')
    assert.equal(mount.code, 2)
    assert.match(mount.stderr, /mounts are for containers: it needs an image as well/)
  })
})
