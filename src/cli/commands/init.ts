import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { readErrorMessage, SluiceError } from '../../core/errors.ts'
import { findConfigAbove } from '../../project/load-config.ts'
import type { Result } from '../options.ts'

const CONFIG = `import { defineConfig } from 'sluice'

export default defineConfig({
  // Paths and globs of modules that export pipelines; one that does not load does not stop the others.
  pipelines: ['pipelines/*.ts'],
  environments: { dev: { storage: 'data' } },
})
`

const HELLO = `import { json, pipeline, task, text } from 'sluice'
import { z } from 'zod'

const Greeting = task(
  'Greeting',
  {
    params: { name: z.string().default('world') },
    output: ({ name }) => json<{ words: string[] }>(\`hello/\${name}/greeting.json\`),
  },
  async ({ params, output, log }) => {
    log.info(\`greeting \${params.name}\`)
    await output.write({ words: ['Hello', params.name] })
  },
)

const Hello = task(
  'Hello',
  {
    params: Greeting.params,
    requires: ({ name }) => ({ greeting: Greeting({ name }) }),
    output: ({ name }) => text(\`hello/\${name}/hello.txt\`),
  },
  async ({ input, output }) => {
    const { words } = await input.greeting.read()
    await output.write(\`\${words.join(', ')}!\\n\`)
  },
)

export const hello = pipeline('hello', Hello, { description: 'Greets somebody' })
`

const TSCONFIG = `{
  "compilerOptions": {
    "target": "es2024",
    "module": "nodenext",
    "types": ["node"],
    "strict": true,
    "erasableSyntaxOnly": true,
    "verbatimModuleSyntax": true,
    "allowImportingTsExtensions": true,
    "skipLibCheck": true,
    "noEmit": true
  },
  "include": ["*.ts", "pipelines"]
}
`

const FILES: [string, string][] = [
  ['pipelines/hello.ts', HELLO],
  ['tsconfig.json', TSCONFIG],
  ['.gitignore', 'node_modules/\n.sluice/\ndata/\n'],
]

const CDK_APP = `import { App } from 'aws-cdk-lib'
import { readProject, SluiceStack } from 'sluice/cdk'

// npx cdk deploy puts the environment prod on AWS, npx cdk deploy -c env=NAME another one.
const app = new App()
const project = await readProject({ environment: app.node.tryGetContext('env') ?? 'prod' })
new SluiceStack(app, { project })
`

const AWS_FILES: [string, string][] = [
  ['cdk.json', `${JSON.stringify({ app: 'node cdk-app.ts', output: '.sluice/cdk.out' }, null, 2)}\n`],
  ['cdk-app.ts', CDK_APP],
]
const AWS_PACKAGES = 'npm install --save-dev aws-cdk@2 aws-cdk-lib@2 constructs@10 esbuild'

/** Adds to a project what \`npx cdk deploy\` takes; files that are there already stay as they are. */
export function initAwsProject(folder: string): Result {
  const root = resolve(folder)
  const config = findConfigAbove(root)
  const isNew = config === undefined || dirname(config) !== root
  const made = isNew ? initProject(folder, awsConfig(root)) : undefined
  const written = writeAbsent(root, AWS_FILES)
  const before = (made?.data as { files: string[]; next: string[] } | undefined) ?? { files: [], next: [] }
  const files = [...before.files, ...written]
  const next = [
    ...before.next,
    ...(isNew ? [] : ["add to environments of the config: prod: { region: 'eu-west-2' }"]),
    ...(isInstalled(root, 'aws-cdk-lib') ? [] : [AWS_PACKAGES]),
    'npx sluice deploy --env prod (or: npx cdk deploy)',
  ]
  return {
    data: { folder: root, files, next },
    text: `${files.length === 0 ? 'Everything is there already.' : `Made ${files.join(', ')}.`}\nNext:\n${next.map((each) => `  ${each}`).join('\n')}`,
  }
}

/** The config with a name, by which its stack is called, and a deployment. */
const awsConfig = (root: string): string =>
  CONFIG.replace('defineConfig({\n', `defineConfig({\n  name: '${makeProjectNameOfFolder(root)}',\n`).replace(
    "environments: { dev: { storage: 'data' } }",
    "environments: { dev: { storage: 'data' }, prod: { region: 'eu-west-2' } }",
  )

/** A name of a project from that of its folder. */
function makeProjectNameOfFolder(root: string): string {
  const name = basename(root)
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .replaceAll(/^[^A-Za-z]+|-$/g, '')
  return name === '' ? 'pipelines' : name.slice(0, 50)
}

/** Writes the files that are not there yet; returns their paths. */
function writeAbsent(root: string, files: readonly [string, string][]): string[] {
  const made = files.filter(([path]) => !existsSync(join(root, path)))
  for (const [path, content] of made) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), content)
  }
  return made.map(([path]) => path)
}

/** Makes a new project with an example; files that are there already stay as they are, a config is refused. */
export function initProject(folder: string, config = CONFIG): Result {
  const root = resolve(folder)
  if (existsSync(join(root, 'sluice.config.ts')))
    throw new SluiceError('invalid_usage', `${root} is a Sluice project already.`, {
      hint: 'Look at it: sluice pipelines',
    })
  const packageFile = makeModule(root)
  const made = writeAbsent(root, [['sluice.config.ts', config], ...FILES])
  const files = [...packageFile, ...made]
  const where = relative(process.cwd(), root)
  const next = [
    ...(where === '' ? [] : [`cd ${where}`]),
    ...(isInstalled(root, 'sluice') ? [] : ['npm install sluice zod']),
    // Types of Node, for node:fs and process in bodies; Node itself runs the files without them.
    ...(isInstalled(root, '@types/node') ? [] : ['npm install --save-dev typescript @types/node']),
    'npx sluice run hello',
  ]
  return {
    data: { folder: root, files, next },
    text: `Made ${files.join(', ')}.\nNext:\n${next.map((each) => `  ${each}`).join('\n')}`,
  }
}

const isInstalled = (root: string, name: string) => existsSync(join(root, 'node_modules', name))

function readPackage(path: string): { type?: string } {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new SluiceError('invalid_usage', `${path} is no JSON: ${readErrorMessage(cause)}.`, {
      cause,
      hint: 'Correct it, or make the project in another folder: sluice init FOLDER',
    })
  }
}

/** TypeScript with \`import\` needs a package of type module. */
function makeModule(root: string): string[] {
  const path = join(root, 'package.json')
  if (!existsSync(path)) {
    mkdirSync(root, { recursive: true })
    writeFileSync(path, '{\n  "private": true,\n  "type": "module"\n}\n')
    return ['package.json']
  }
  const content = readPackage(path)
  if (content.type === 'module') return []
  if (content.type !== undefined)
    throw new SluiceError(
      'invalid_usage',
      `${path} is of type ${content.type}; a config with import needs "type": "module".`,
    )
  writeFileSync(path, `${JSON.stringify({ ...content, type: 'module' }, null, 2)}\n`)
  return ['package.json ("type": "module")']
}
