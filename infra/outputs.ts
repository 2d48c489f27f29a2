import { CfnOutput, Fn, Stack } from 'aws-cdk-lib'
import { splitIntoChunks } from '../src/core/chunks.ts'
import { makeImagesOutputName, OUTPUTS } from '../src/core/names.ts'
import type { Api } from './api.ts'
import type { Containers } from './containers.ts'
import type { Foundation } from './foundation.ts'

/** Images that fit one output: it has 4,096 bytes, https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html */
const IMAGES_OF_AN_OUTPUT = 12

/** Adds the outputs by which the command finds the parts of a deployment. */
export function addDeploymentOutputs(
  { scope, project, layout, storage }: Foundation,
  api: Api,
  containers: Containers | undefined,
): void {
  const output = (name: string, value: string) =>
    new CfnOutput(scope, name, { value }).overrideLogicalId(name)
  output(OUTPUTS.apiUrl, api.url)
  output(OUTPUTS.project, project.project || layout.stackName)
  output(OUTPUTS.storage, storage)
  if (containers === undefined) return
  output(OUTPUTS.cluster, containers.cluster.clusterName)
  output(OUTPUTS.subnets, Fn.join(',', containers.subnets))
  output(OUTPUTS.securityGroup, containers.securityGroup.securityGroupId)
  output(OUTPUTS.publicIp, String(containers.isPublic))
  output(OUTPUTS.families, layout.prefix)
  splitIntoChunks(Object.entries(containers.images), IMAGES_OF_AN_OUTPUT).forEach((some, index) => {
    output(makeImagesOutputName(index), Stack.of(scope).toJsonString(Object.fromEntries(some)))
  })
}
