import { RemovalPolicy } from 'aws-cdk-lib'
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager'
import type { Foundation } from './foundation.ts'

/** Adds the secrets of tasks, except those that exist. They have no value, so that no template has one and a missing value is noticed. */
export function addTaskSecrets(
  { scope, project, secretsPrefix }: Foundation,
  existing: readonly string[],
): void {
  for (const name of project.secrets.filter((each) => !existing.includes(each))) {
    const secret = new secretsmanager.CfnSecret(scope, `Secret-${name}`, {
      name: `${secretsPrefix}${name}`,
      description: `For tasks of ${project.name}; its value is set by: sluice secrets set ${name}`,
    })
    secret.applyRemovalPolicy(RemovalPolicy.RETAIN)
  }
}
