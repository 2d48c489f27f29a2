import { createHash } from 'node:crypto'
import type { Json } from '../../core/json.ts'
import { mustHave } from '../../core/must-have.ts'
import { IN_CONTAINER } from '../../core/names.ts'
import type { ContainerProgram, PlannedTask } from '../../core/plan.ts'
import type { Job } from '../../core/ports/working.ts'
import type { PreparedJob } from '../attempt.ts'
import { ATTEMPT_FILES } from './container-files.ts'
import type { ContainerSpec } from './container-run.ts'

/** What a container is given that is not in the plan. */
export interface PreparedContainer extends PreparedJob {
  /** Results of the tasks without output that it reads, by the URIs of its inputs. */
  results: ReadonlyMap<string, Json>
}

/** The program of a task that is a container. */
export const getContainerProgram = ({ container, label }: PlannedTask): ContainerProgram =>
  mustHave(container, `the container of ${label}`)

/** What the container of an attempt is made of, apart from where its files are. */
export function makeContainerSpec(
  job: Job,
  image: string,
  { secrets }: PreparedContainer,
): Omit<ContainerSpec, 'name' | 'folder' | 'labels' | 'mounts'> {
  const { argv = [], env, outputs } = getContainerProgram(job.task)
  const [output] = outputs
  const files = `${IN_CONTAINER.attempt}/`
  return {
    image,
    argv,
    env: {
      ...env,
      SLUICE_RUN: job.run,
      SLUICE_TASK: job.task.label,
      SLUICE_ATTEMPT: String(job.attempt),
      SLUICE_PARAMS: `${files}${ATTEMPT_FILES.params}`,
      SLUICE_EVENTS: `${files}${ATTEMPT_FILES.events}`,
      SLUICE_REQUIRES: `${files}${ATTEMPT_FILES.requires}`,
      ...(output === undefined ? {} : { SLUICE_OUTPUT: `${IN_CONTAINER.outputs}/${output.at}` }),
      ...(job.checkpoint === undefined ? {} : { SLUICE_CHECKPOINT: `${files}${ATTEMPT_FILES.checkpoint}` }),
      TRACEPARENT: makeTraceParent(job),
    },
    secrets,
    memoryMb: job.memoryMb,
    cpu: job.task.policy.cpu,
  }
}

/** The run as the trace and the attempt as the span (W3C Trace Context, version 00). */
function makeTraceParent({ run, nonce }: Job): string {
  const hash = (text: string, digits: number) =>
    createHash('sha256').update(text).digest('hex').slice(0, digits)
  return `00-${hash(run, 32)}-${hash(nonce, 16)}-01`
}

/** The same for two attempts of which the later one would do what the earlier one does. */
export function hashContainerSpec({ run, task, memoryMb, checkpoint }: Job, image: string): string {
  const { argv, env, inputs, outputs } = getContainerProgram(task)
  const content = [run, image, argv, env, inputs, outputs, task.params, memoryMb, checkpoint]
  return createHash('sha256').update(JSON.stringify(content)).digest('hex').slice(0, 32)
}
