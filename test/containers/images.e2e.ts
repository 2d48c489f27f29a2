import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { testProject } from '../support/cli.ts'
import { engine, IMAGE, LIMIT, makeContainerFiles } from '../support/containers.ts'
import { temporaryFolder } from '../support/folders.ts'
import { startRegistry } from '../support/registry.ts'

const readAll = (folder: string): string =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
    .join('\n')

describe('a secret of a build', LIMIT, () => {
  it('reaches the build alone: no layer, history, log, record or plan has it', async (test) => {
    const value = `open-sesame-${randomUUID()}`
    const project = testProject(test, {
      ...makeContainerFiles(`
const Built = container('Built', { image: build('image', { secrets: { token: secret('the/token') } }), output: () => file('length'), command: sh('cat /length > $SLUICE_OUTPUT; cat /run/secrets/* || true') })
export const built = pipeline('built', Built)`),
      'image/Dockerfile': `FROM ${IMAGE}\nCOPY id /id\nRUN --mount=type=secret,id=token echo it is $(cat /run/secrets/token); wc -c < /run/secrets/token > /length\n`,
      'image/id': randomUUID(),
    })
    const without = await project.sluice('run', 'built')
    assert.equal(without.code, 1, without.stdout + without.stderr)
    assert.match(
      without.stdout,
      /there is no secret the\/token, which the build of .*image needs\n.*Set it: sluice secrets set the\/token/,
    )
    assert.match((await project.sluice('doctor')).stdout, /WRONG secrets: missing: the\/token/)
    await project.start(['secrets', 'set', 'the/token'], { input: value }).ended
    const ended = await project.sluice('run', 'built')
    assert.equal(ended.code, 0, ended.stdout + ended.stderr)
    assert.equal(readFileSync(project.path('data/length'), 'utf8').trim(), String(value.length))
    const { stdout: log } = await project.sluice('logs', 'latest')
    assert.match(log, /it is \*\*\*/)
    const { tasks } = await project.json('status', 'latest')
    assert.deepEqual(tasks[0].progress, { done: 0, text: 'running' })
    const image = tasks[0].image
    const saved = temporaryFolder(test)
    engine(
      'save',
      '--quiet',
      '--format',
      'oci-dir',
      '--uncompressed',
      '--output',
      join(saved, 'image'),
      image,
    )
    const kept = [
      engine('history', '--no-trunc', '--format', 'json', image).stdout,
      engine('image', 'inspect', image).stdout,
      (await project.sluice('plan', 'built', '--json')).stdout,
      readAll(saved),
      readAll(project.path('.sluice/logs')),
      readFileSync(project.path('.sluice/state.db'), 'latin1'),
      ended.stdout + ended.stderr,
    ]
    for (const [index, text] of kept.entries()) assert.ok(!text.includes(value), `it is in ${index}`)
    assert.ok(kept[3]?.includes('Built') || (kept[3]?.length ?? 0) > 1000)
    // Nor does its value change what the image is known by.
    await project.start(['secrets', 'set', 'the/token'], { input: `${value}-other` }).ended
    await project.sluice('run', 'built', '--force')
    const { tasks: again } = await project.json('status', 'latest')
    assert.equal(again[0].image, image)
  })
})

describe('the folder of a build', LIMIT, () => {
  it('is beside the config, wherever the command is given and whatever else it names', async (test) => {
    const project = testProject(test, {
      ...makeContainerFiles(`
const Built = container('Built', { image: build('image'), output: () => file('built'), command: sh('cp /id $SLUICE_OUTPUT') })
const Job = emrServerless('Job', { application: '00fkht2eodujab09', job: () => ({ script: 'job.py' }), output: () => file('job'), local: ({ output }) => ['cp', 'image/id', output.path] })
const Both = task('Both', { requires: () => [Built(), Job()] }, () => {})
export const both = pipeline('both', Both)`),
      'image/Dockerfile': `FROM ${IMAGE}\nCOPY id /id\n`,
      'image/id': 'beside the config',
    })
    const elsewhere = temporaryFolder(test)
    const place = ['--config', project.path('sluice.config.ts'), '--state', 'state', '--data', 'data']
    const { code, stdout, stderr } = await project.start(['run', 'both', ...place], { cwd: elsewhere }).ended
    assert.equal(code, 0, stdout + stderr)
    assert.equal(readFileSync(join(elsewhere, 'data/built'), 'utf8'), 'beside the config')
    assert.equal(readFileSync(join(elsewhere, 'data/job'), 'utf8'), 'beside the config')
  })
})

describe('a build argument that looks like a secret', LIMIT, () => {
  it('is warned of without its value, and runs', async (test) => {
    const project = testProject(test, {
      ...makeContainerFiles(`
const Built = container('Built', { image: build('image', { args: { PIP_TOKEN: 'tok-tok-1', INDEX: 'https://me:pass-pass@example.org/simple', VERSION: '1', TOKENIZER: 'x' } }), command: ['true'] })
export const built = pipeline('built', Built)`),
      'image/Dockerfile': `FROM ${IMAGE}\n`,
    })
    const { code, stderr } = await project.sluice('run', 'built')
    assert.equal(code, 0, stderr)
    assert.match(
      stderr,
      /warning: .*all\.ts: task "Built": the build argument PIP_TOKEN of image looks like a secret/,
    )
    assert.match(stderr, /argument INDEX of image/)
    assert.equal(stderr.match(/warning:/g)?.length, 2)
    assert.doesNotMatch(stderr, /tok-tok|pass-pass/)
    assert.match((await project.sluice('doctor')).stdout, /WRONG module: .*PIP_TOKEN/)
  })
})

// Docker has no switch for a registry without TLS in its command.
const skip = process.env.TEST_ENGINE === 'docker' ? 'takes Podman' : false

describe('--pull', { ...LIMIT, skip }, () => {
  it('renews an image whose tag has moved, once; without it the image stays', async (test) => {
    const registry = await startRegistry(test)
    const reference = `${registry.host}/team/tool:1`
    const image = (id: string) => {
      const project = temporaryFolder(test)
      execFileSync('sh', ['-c', `echo ${id} > id; printf 'FROM scratch\\nCOPY id /id\\n' > Dockerfile`], {
        cwd: project,
      })
      engine('build', '--quiet', '--tag', `localhost/sluice-test-pull:${id}`, project)
      registry.put(`localhost/sluice-test-pull:${id}`, 'team/tool')
      return `localhost/sluice-test-pull:${id}`
    }
    const project = testProject(test, {
      ...makeContainerFiles(`
const All = [1, 2].map((each) => container('T' + each, { image: '${reference}', command: ['/none'], retry: { attempts: 1 } }))
const Both = task('Both', { requires: () => All.map((each) => each()) }, () => {})
export const both = pipeline('both', Both)`),
    })
    const digests = async (...flags: string[]) => {
      await project.start(['run', 'both', '--concurrency', '2', ...flags], { env: registry.env }).ended
      const { tasks } = await project.json('status', 'latest')
      const images = tasks.flatMap(({ attempts }: { attempts: { image?: string }[] }) =>
        attempts.map((each) => each.image ?? ''),
      )
      assert.equal(images.length, 2)
      return [...new Set<string>(images)]
    }
    const tags = [image(randomUUID())]
    const first = await digests()
    assert.equal(first.length, 1)
    tags.push(image(randomUUID()))
    assert.deepEqual(await digests(), first)
    const asked = registry.asked()
    const second = await digests('--pull')
    assert.equal(second.length, 1)
    assert.notDeepEqual(second, first)
    assert.ok(registry.asked() - asked <= 3, 'it was pulled for each attempt')
    engine('rmi', '--force', reference, ...tags)
  })

  it('builds anew, also upon an image that is on this machine alone', async (test) => {
    const project = testProject(test, {
      ...makeContainerFiles(`
const Built = container('Built', { image: build('image'), command: ['true'] })
export const built = pipeline('built', Built)`),
      'image/Dockerfile': `FROM ${IMAGE}\nCOPY id /id\n`,
      'image/id': randomUUID(),
    })
    const builds = async (...flags: string[]) => {
      const ended = await project.sluice('run', 'built', '--force', ...flags)
      assert.equal(ended.code, 0, ended.stdout + ended.stderr)
      return /STEP 1\/|\[1\/2\]/.test((await project.sluice('logs', 'latest')).stdout)
    }
    assert.equal(await builds(), true)
    assert.equal(await builds(), false)
    assert.equal(await builds('--pull'), true)
    const remote = await project.sluice('run', 'built', '--env', 'prod', '--pull')
    assert.equal(remote.code, 2)
    assert.match(remote.stderr, /--pull is for images of this machine/)
  })
})
