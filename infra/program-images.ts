import { Stack } from 'aws-cdk-lib'
import * as ecr from 'aws-cdk-lib/aws-ecr'
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets'
import * as ecs from 'aws-cdk-lib/aws-ecs'
import type { Construct } from 'constructs'
import { mustHave } from '../src/core/must-have.ts'
import { KEPT } from '../src/core/names.ts'
import { makeSecretVariableName } from '../src/define/secret.ts'
import { makeImageArguments } from './containers.ts'
import type { Foundation } from './foundation.ts'
import { type BuiltFolder, hashParts, type ProgramImage } from './read-programs.ts'

/** Images of programs and of their keepers; each is built once. */
export class ProgramImages {
  readonly #scope: Construct
  readonly #props: { foundation: Foundation; architecture: ecs.CpuArchitecture }
  readonly #images = new Map<string, ecs.ContainerImage>()

  /** The parts of its images belong to `scope`. */
  constructor(scope: Construct, props: { foundation: Foundation; architecture: ecs.CpuArchitecture }) {
    this.#scope = scope
    this.#props = props
  }

  /** The image of a program. */
  of(image: ProgramImage): ecs.ContainerImage {
    return 'reference' in image ? this.refer(image.reference) : this.build(image.build)
  }

  /** The image of the keepers. */
  keeper(): ecs.ContainerImage {
    const { project } = this.#props.foundation
    const { environment, code } = project
    return this.remember('keeper', () => ({
      directory: mustHave(project.keeper, 'the image of the keeper'),
      buildArgs: {
        POOL: KEPT.keeper,
        REVISION: code,
        ...makeImageArguments({ ...environment, external: [] }),
      },
    }))
  }

  private build({ folder, dockerfile, target, args, secrets = {} }: BuiltFolder): ecs.ContainerImage {
    // The CDK's hash has the names of variables. Their values are in the environment of its command alone.
    const variables = Object.entries(secrets).map(([id, name]) => [id, `env=${makeSecretVariableName(name)}`])
    const hasSecrets = variables.length > 0
    return this.remember(
      hashParts([folder, dockerfile, target, args, ...(hasSecrets ? [secrets] : [])]),
      () => ({
        directory: folder,
        file: dockerfile,
        buildArgs: { ...args },
        ...(target === undefined ? {} : { target }),
        ...(hasSecrets ? { buildSecrets: Object.fromEntries(variables) } : {}),
      }),
    )
  }

  private remember(
    id: string,
    describe: () => Omit<ConstructorParameters<typeof DockerImageAsset>[2], 'platform'>,
  ): ecs.ContainerImage {
    const known = this.#images.get(id)
    if (known !== undefined) return known
    const platform =
      this.#props.architecture === ecs.CpuArchitecture.ARM64 ? Platform.LINUX_ARM64 : Platform.LINUX_AMD64
    const image = ecs.ContainerImage.fromDockerImageAsset(
      new DockerImageAsset(this.#scope, `Image-${id}`, { ...describe(), platform }),
    )
    this.#images.set(id, image)
    return image
  }

  /** A registry of the account needs permissions, which come with its repository. */
  private refer(reference: string): ecs.ContainerImage {
    const own = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)[:@](.+)$/.exec(reference)
    if (own === null) return ecs.ContainerImage.fromRegistry(reference)
    const [, account = '', region = '', repository = '', tag = ''] = own
    const arn = Stack.of(this.#scope).formatArn({
      service: 'ecr',
      account,
      region,
      resource: 'repository',
      resourceName: repository,
    })
    const id = `Repository-${hashParts([account, region, repository])}`
    const there =
      (this.#scope.node.tryFindChild(id) as ecr.IRepository | undefined) ??
      ecr.Repository.fromRepositoryAttributes(this.#scope, id, {
        repositoryArn: arn,
        repositoryName: repository,
      })
    return ecs.ContainerImage.fromEcrRepository(there, tag)
  }
}
