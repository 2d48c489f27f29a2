import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { findStageProblem } from '../../src/core/dockerfile.ts'
import type { Progress } from '../../src/core/records/task-run.ts'
import { makeImageProgress } from '../../src/runners/container/image-progress.ts'

function read(what: string, ...pieces: string[]): Progress[] {
  const told: Progress[] = []
  const take = makeImageProgress(what, (progress) => told.push(progress))
  for (const piece of pieces) take(piece)
  return told
}

describe('the progress of an image', () => {
  it('is the step of a build, by Podman, Docker and BuildKit, also in pieces of lines', () => {
    assert.deepEqual(read('building a', '[1/2] STEP 1/3: FROM x\n[2/2] STEP 2/', '3: RUN y\nnoise\n'), [
      { done: 0, text: 'building a' },
      { done: 0, total: 3, text: 'building a: FROM x' },
      { done: 1, total: 3, text: 'building a: RUN y' },
    ])
    assert.deepEqual(read('b', 'Step 4/5 : COPY . .\n').at(-1), { done: 3, total: 5, text: 'b: COPY . .' })
    assert.deepEqual(read('b', '#7 [runtime 2/6] RUN pip install\n').at(-1), {
      done: 1,
      total: 6,
      text: 'b: RUN pip install',
    })
  })

  it('is the layers of a pull', () => {
    const docker = read(
      'pulling x',
      'a1b2c3d4e5f6: Pulling fs layer\nb1b2c3d4e5f6: Pulling fs layer\na1b2c3d4e5f6: Pull complete\n',
    )
    assert.deepEqual(docker.at(-1), { done: 1, total: 2, text: 'pulling x: 2 layers' })
    const podman = read('pulling x', `Copying blob sha256:${'a1'.repeat(32)}\n`)
    assert.deepEqual(podman.at(-1), { done: 0, text: 'pulling x: 1 layers' })
  })
})

describe('a stage of a Dockerfile', () => {
  const text =
    'ARG V=1\nFROM --platform=linux/amd64 a:$V AS base\nRUN echo from nowhere as such\nfrom base as Last\n'

  it('is found by its name or number', () => {
    for (const target of [undefined, 'base', 'BASE', 'last', '0', '1'])
      assert.equal(findStageProblem(text, target, 'Dockerfile'), undefined)
    assert.equal(
      findStageProblem(text, 'such', 'Dockerfile'),
      'there is no stage such in Dockerfile; it has base, Last',
    )
    assert.match(findStageProblem('FROM a\n', '1', 'Dockerfile') ?? '', /no stage with a name/)
  })
})
