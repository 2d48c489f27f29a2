import { createHash } from 'node:crypto'
import { Annotations, Fn, NestedStack, Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { DeployedProject } from './project.ts'

/**
 * CloudFormation takes 500 resources a stack (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html);
 * the rest is reserved for resources of later versions.
 */
const ONE_STACK = 400
/** Resources of a deployment without pools, pipelines, secrets and budgets; and of one pool. test/infra counts them. */
const BASE = 110
const PER_POOL = 14
/** Most pools of one stack, because its roles and variables name each pool. */
const MOST_NAMED_POOLS = 10
/** Nested stacks for pipelines. A pipeline keeps its stack when other pipelines are added or removed. */
const PIPELINE_STACKS = 8
/** What follows the name of the stack in the names of the larger layout. */
const SPREAD = '-x-'
/** The longest name of a queue or a state machine. */
const LONGEST_NAME = 80

/**
 * How a deployment is laid out. A project that fits has one stack. A larger one has a nested stack for each pool and a
 * few for its pipelines. Their resources have other names, because CloudFormation makes them before it removes the old ones.
 * Table, bucket and secrets stay in the top stack in both layouts.
 */
export class Layout {
  readonly isSpread: boolean
  /** Prefix of the names of state machines and of families of containers. */
  readonly prefix: string
  /** A prefix that the names of both layouts have. */
  readonly anyPrefix: string
  readonly stackName: string
  readonly #root: Construct
  readonly #stacks = new Map<string, NestedStack>()

  constructor(root: Construct, project: DeployedProject) {
    this.#root = root
    this.stackName = Stack.of(root).stackName
    this.isSpread = needsSpreading(project)
    this.anyPrefix = `${this.stackName}-`
    this.prefix = this.isSpread ? `${this.stackName}${SPREAD}` : this.anyPrefix
    warnOfSharedPrefix(root, this.stackName)
    refuseLongNames(this, project)
  }

  /** Prefix of the names of pools' queues; undefined if they have none. */
  get queuePrefix(): string {
    return `${this.prefix}pool-`
  }

  /** The scope of a pool's resources: `own` itself, or the pool's nested stack. */
  poolScope(pool: string, own: Construct): Construct {
    return this.isSpread ? this.within(`PoolStack-${pool}`, own) : own
  }

  /** The scope of a pipeline's state machine. */
  pipelineScope(pipeline: string, own: Construct): Construct {
    if (!this.isSpread) return own
    const [first = 0] = createHash('sha256').update(pipeline).digest()
    return this.within(`PipelineStack-${first % PIPELINE_STACKS}`, own)
  }

  /** Log groups of the larger layout have names, so that the API finds them; no later stack uses the same names. */
  logGroupName(pool: string): string | undefined {
    return this.isSpread ? `/sluice/${this.stackName}/${this.stackNonce}/${pool}` : undefined
  }

  /** A text that no other stack of this name has had, because log groups stay when a stack is removed. */
  get stackNonce(): string {
    return Fn.select(2, Fn.split('/', Stack.of(this.#root).stackId))
  }

  private within(id: string, own: Construct): Construct {
    const stack =
      this.#stacks.get(id) ?? new NestedStack(this.#root, id, { suppressTemplateIndentation: true })
    this.#stacks.set(id, stack)
    return (
      (stack.node.tryFindChild(own.node.id) as Construct | undefined) ?? new Construct(stack, own.node.id)
    )
  }
}

function needsSpreading({ pools, pipelines, secrets, budgets }: DeployedProject): boolean {
  const count = Object.keys(pools).length
  const resources = BASE + PER_POOL * count + pipelines.length + secrets.length + budgets.length
  return count > MOST_NAMED_POOLS || resources > ONE_STACK
}

/** The larger layout of a stack `data` may answer all executions of `data-x-*`, so no other stack should have such a name. */
function warnOfSharedPrefix(root: Construct, stackName: string): void {
  const [other = '', ...rest] = `${stackName}-`.split(SPREAD)
  if (rest.length > 0)
    Annotations.of(root).addWarningV2(
      'sluice:stackName',
      `A stack ${other} with a large project could answer the executions of ${stackName}: give this stack a name without "${SPREAD}".`,
    )
}

function refuseLongNames({ prefix, queuePrefix }: Layout, { pools, pipelines }: DeployedProject): void {
  const names = [
    ...pipelines.map(({ name }) => `${prefix}${name}`),
    ...Object.keys(pools).map((name) => `${queuePrefix}${name}`),
  ]
  const long = names.filter((name) => name.length > LONGEST_NAME)
  if (long.length > 0)
    throw new Error(
      `AWS takes names of ${LONGEST_NAME} characters: shorten ${long.join(', ')}, or give the environment a shorter \`stack\``,
    )
}
