import { createHash } from 'node:crypto'
import type { Json } from '../../core/json.ts'
import type { Job } from '../../core/ports/working.ts'
import { getContainerProgram, makeProgramEnvironment } from '../../core/program.ts'
import type { PreparedJob } from '../attempt.ts'
import type { ContainerSpec } from './container-arguments.ts'

/** What a container is given that is not in the plan. */
export interface PreparedContainer extends PreparedJob {
  /** Results of the tasks without output that it reads, by the URIs of its inputs. */
  results: ReadonlyMap<string, Json>
  /** Values of the secrets of its image's build, by id, as far as they are set. @default none */
  buildSecrets?: { readonly [id: string]: string }
}

/** What the environment and the limits of a container follow from. */
export type ContainerJob = Pick<Job, 'run' | 'task' | 'attempt' | 'nonce' | 'checkpoint' | 'memoryMb'>

/** What the container of an attempt is made of, apart from where its files are. */
export function makeContainerSpec(
  job: ContainerJob,
  image: string,
  { secrets }: PreparedContainer,
): Omit<ContainerSpec, 'name' | 'folder' | 'labels' | 'mounts'> {
  const { argv = [], entryPoint } = getContainerProgram(job.task)
  return {
    image,
    argv,
    ...(entryPoint === undefined ? {} : { entryPoint }),
    env: makeProgramEnvironment(job),
    secrets,
    memoryMb: job.memoryMb,
    cpu: job.task.policy.cpu,
  }
}

/** The same for two attempts of which the later one would do what the earlier one does. */
export function hashContainerSpec({ run, task, memoryMb, checkpoint }: Job, image: string): string {
  const { argv, entryPoint, mounts, env, inputs, outputs } = getContainerProgram(task)
  const content: unknown[] = [run, image, argv, env, inputs, outputs, task.params, memoryMb, checkpoint]
  if (entryPoint !== undefined || mounts !== undefined) content.push({ entryPoint, mounts })
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32)
}
