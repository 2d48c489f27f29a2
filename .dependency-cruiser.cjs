/** The law of dependencies: core → nothing; define, engine → core; adapters → core, never each other. */
const only = (name, from, to) => ({
  name,
  severity: 'error',
  comment: `${from} may import only from ${to.join(', ')}`,
  from: { path: from },
  to: { path: '^(src|tasks|functions|infra)/', pathNot: to },
})

module.exports = {
  forbidden: [
    only('core-stands-alone', '^src/core/', ['^src/core/']),
    only('define-needs-core', '^src/define/', ['^src/define/', '^src/core/']),
    only('engine-needs-core', '^src/engine/', ['^src/engine/', '^src/core/']),
    {
      name: 'adapters-need-core-alone',
      severity: 'error',
      comment: 'an adapter may import from core and its own folder, never from another adapter',
      from: { path: '^src/adapters/([^/]+)/' },
      to: { path: '^(src|tasks)/', pathNot: ['^src/core/', '^src/adapters/$1/'] },
    },
    only('project-is-for-both-homes', '^src/project/', [
      '^src/project/',
      '^src/adapters/',
      '^src/define/',
      '^src/engine/',
      '^src/core/',
    ]),
    only('local-composes', '^src/local/', [
      '^src/local/',
      '^src/project/',
      '^src/adapters/',
      '^src/define/',
      '^src/engine/',
      '^src/core/',
    ]),
    only('handlers-know-no-aws', '^src/handlers/', [
      '^src/handlers/',
      '^src/project/',
      '^src/define/',
      '^src/engine/',
      '^src/core/',
    ]),
    {
      name: 'handlers-have-no-sdk',
      severity: 'error',
      comment: 'what speaks to AWS is an adapter, so that handlers are tested without',
      from: { path: '^src/(handlers|engine|define|project)/' },
      to: { path: 'node_modules/(@aws-sdk|@smithy|@aws-lambda-powertools)/' },
    },
    only('deployed-composes', '^src/deployed/', [
      '^src/deployed/',
      '^src/handlers/',
      '^src/project/',
      '^src/adapters/',
      '^src/define/',
      '^src/engine/',
      '^src/core/',
    ]),
    only('functions-compose', '^functions/', [
      '^src/deployed/',
      '^src/handlers/',
      '^src/project/',
      '^src/adapters/',
      '^src/core/',
    ]),
    only('infra-reads-the-config', '^infra/', [
      '^infra/',
      '^src/project/(load-config|check-definitions|bundled)\\.ts$',
      '^src/handlers/(environment|start-run)\\.ts$',
      '^src/local/resolve-self\\.ts$',
      '^src/cli/version\\.ts$',
      '^src/(core|define)/',
    ]),
    only('pipelines-use-the-library', '^tasks/(?!worker/)', ['^tasks/', '^src/index\\.ts$']),
    {
      name: 'core-does-no-io',
      severity: 'error',
      comment: 'core is rules and nouns: of Node only the hash and types, of libraries only calendars',
      from: { path: '^src/core/' },
      to: {
        dependencyTypes: ['core', 'npm'],
        pathNot: ['^(node:)?crypto$', '^(node:)?stream$', 'node_modules/(croner|temporal-polyfill)/'],
      },
    },
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
  },
}
