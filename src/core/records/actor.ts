/** Who acted. Only we write it: what a caller sends cannot name another one. */
export interface Actor {
  /**
   * `user`: of the machine on which a command or `sluice dev` runs. `identity`: the one that AWS has found behind the
   * signature of a request. `schedule`: of a pipeline. `execution`: of Step Functions, which a person or a program has started
   * or stopped there; who that was, only AWS knows.
   */
  kind: 'user' | 'identity' | 'schedule' | 'execution'
  /** The user's name, the ARN of the identity, the pipeline, or `machine:execution`. */
  name: string
}

/** A longer name would make a record cost another write unit; an ARN of a role and its session is shorter. */
const MAX_NAME = 200

/** Who acted, as records keep it. */
export const makeActor = (kind: Actor['kind'], name: string): Actor => ({
  kind,
  name: name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 1)}…`,
})
