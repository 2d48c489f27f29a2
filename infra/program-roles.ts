import * as iam from 'aws-cdk-lib/aws-iam'
import type { Construct } from 'constructs'
import { grantToRole } from './constructs/grants.ts'
import { allowActions } from './constructs/permissions.ts'
import { allowSessions, type Containers } from './containers.ts'
import type { Foundation } from './foundation.ts'
import { makeShellGrants, makeTaskGrants } from './pools.ts'
import type { DeployedPool } from './project.ts'

/** The roles of a task definition: that of its containers, and that by which ECS starts them. */
export interface TaskRoles {
  taskRole: iam.Role
  executionRole: iam.Role
}

/** Roles of programs and of their shells, by pool. */
export class ProgramRoles {
  readonly #scope: Construct
  readonly #props: { foundation: Foundation; containers: Containers }
  readonly #roles = new Map<string, TaskRoles>()
  readonly #shellRoles = new Map<string, iam.Role>()

  /** They belong to `scope`. */
  constructor(scope: Construct, props: { foundation: Foundation; containers: Containers }) {
    this.#scope = scope
    this.#props = props
  }

  /** One role for all programs of a pool: what the pool's tasks may do, and to stop the ECS task that has it. */
  of(name: string, pool: DeployedPool): TaskRoles {
    const known = this.#roles.get(name)
    if (known !== undefined) return known
    const { foundation, containers } = this.#props
    const roles = {
      taskRole: this.makeRole(`${name}-TaskRole`),
      executionRole: this.makeRole(`${name}-ExecutionRole`),
    }
    grantToRole(roles.taskRole, makeTaskGrants(foundation, pool))
    roles.taskRole.addToPolicy(
      allowActions(['ecs:StopTask', 'ecs:DescribeTasks'], [containers.tasksArn], containers.onlyHere),
    )
    this.#roles.set(name, roles)
    return roles
  }

  /** One role for all shells of a pool; images, secrets and logs are those of its programs. */
  ofShells(name: string, pool: DeployedPool): TaskRoles {
    const { executionRole } = this.of(name, pool)
    const known = this.#shellRoles.get(name)
    if (known !== undefined) return { taskRole: known, executionRole }
    const taskRole = this.makeRole(`${name}-ShellRole`)
    grantToRole(taskRole, makeShellGrants(this.#props.foundation, pool, [allowSessions()]))
    this.#shellRoles.set(name, taskRole)
    return { taskRole, executionRole }
  }

  private makeRole(id: string): iam.Role {
    return new iam.Role(this.#scope, id, {
      path: this.#props.containers.rolePath,
      assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com'),
    })
  }
}
