/**
 * The law of dependencies, from below: core → nothing; define, engine → core; body → define; planning → engine, body, define;
 * runners → body; adapters → core, never each other; luigi → core; control → planning, project, engine, luigi; http → control, luigi;
 * homes compose
 * all of these; functions, worker and the command's main are the entries.
 */
const rooms = (...names) => names.map((name) => `^src/${name}/`)

/** Everything that a home is made of. */
const BELOW_HOMES = rooms(
  'http',
  'luigi',
  'control',
  'planning',
  'project',
  'runners',
  'bundling',
  'adapters',
  'engine',
  'body',
  'define',
  'core',
)

const only = (name, from, to) => ({
  name,
  severity: 'error',
  comment: `${from} may import only from ${to.join(', ')}`,
  from: { path: from },
  to: { path: '^(src|tasks|functions|infra)/', pathNot: to },
})

module.exports = {
  forbidden: [
    only('core-stands-alone', '^src/core/', rooms('core')),
    only('define-needs-core', '^src/define/', rooms('define', 'core')),
    only('engine-needs-core', '^src/engine/', rooms('engine', 'core')),
    only('body-runs-what-is-defined', '^src/body/', rooms('body', 'define', 'core')),
    only(
      'planning-reads-definitions',
      '^src/planning/',
      rooms('planning', 'engine', 'body', 'define', 'core'),
    ),
    only('runners-run-bodies', '^src/runners/', [
      ...rooms('runners', 'body', 'core'),
      '^src/define/(body|task)\\.ts$',
      '^src/define/targets/marker\\.ts$',
    ]),
    {
      name: 'kinds-of-runners-stand-alone',
      severity: 'error',
      comment: 'a kind of runner may import what all kinds share, never from another kind',
      from: { path: '^src/runners/(process|command|container)/' },
      to: { path: '^src/runners/(inline\\.ts$|process/|command/|container/)', pathNot: '^src/runners/$1/' },
    },
    {
      name: 'adapters-need-core-alone',
      severity: 'error',
      comment: 'an adapter may import from core and its own folder, never from another adapter',
      from: { path: '^src/adapters/([^/]+)/' },
      to: { path: '^(src|tasks|functions|worker|infra)/', pathNot: ['^src/core/', '^src/adapters/$1/'] },
    },
    only('project-loads-definitions', '^src/project/', rooms('project', 'define', 'core')),
    only(
      'control-acts',
      '^src/control/',
      rooms('control', 'planning', 'project', 'engine', 'luigi', 'body', 'define', 'core'),
    ),
    only('luigi-schedules-alone', '^src/luigi/', rooms('luigi', 'core')),
    only('luigi-rules-are-pure', '^src/luigi/scheduler/', [
      '^src/luigi/scheduler/',
      '^src/core/(identity|json)\\.ts$',
    ]),
    {
      name: 'luigi-does-no-io',
      severity: 'error',
      comment:
        'the scheduler of Luigi is rules over a port: of libraries it has the one that checks arguments',
      from: { path: '^src/luigi/' },
      to: { dependencyTypes: ['core', 'npm'], pathNot: ['node_modules/zod/'] },
    },
    only('http-asks-control', '^src/http/', rooms('http', 'control', 'luigi', 'core')),
    {
      name: 'commands-ask-control',
      severity: 'error',
      comment:
        'a command parses, asks control and renders: it decides nothing and knows no record of the store',
      from: { path: '^src/cli/' },
      to: {
        path: '^src/(engine|planning|body|runners|bundling|luigi|core)/',
        pathNot: '^src/core/(errors|calendar|identity|json|names|records/status)\\.ts$',
      },
    },
    only('text-is-made-from-shapes', '^src/cli/render/', [
      '^src/cli/render/',
      '^src/control/control\\.ts$',
      '^src/core/(identity|records/status)\\.ts$',
    ]),
    only('bundling-bundles', '^src/bundling/', rooms('bundling', 'core')),
    only('local-home-composes', '^src/homes/local/', [
      ...BELOW_HOMES,
      '^src/homes/local/',
      '^src/homes/open-storage\\.ts$',
    ]),
    only('remote-home-asks-over-http', '^src/homes/remote/', [
      '^src/homes/remote/',
      ...rooms('http', 'control', 'project', 'define', 'core'),
    ]),
    only('simulated-home-composes', '^src/homes/simulated/', [...BELOW_HOMES, '^src/homes/simulated/']),
    only('handlers-know-no-aws', '^src/homes/aws/handlers/', [
      '^src/homes/aws/(handlers/|environment\\.ts$)',
      ...rooms('http', 'control', 'planning', 'project', 'engine', 'body', 'define', 'core'),
    ]),
    {
      name: 'handlers-have-no-sdk',
      severity: 'error',
      comment: 'what speaks to AWS is an adapter, so that handlers are tested without',
      from: { path: '^src/(homes/aws/handlers|http|control|planning|engine|define|project|body|runners)/' },
      to: { path: 'node_modules/(@aws-sdk|@smithy|@aws-lambda-powertools)/' },
    },
    only('aws-home-composes', '^src/homes/aws/', [...BELOW_HOMES, '^src/homes/aws/']),
    only('entries-compose', '^(functions|worker)/', [
      '^(functions|worker)/',
      '^src/homes/',
      '^src/cli/main\\.ts$',
      ...BELOW_HOMES,
    ]),
    {
      name: 'nothing-imports-entries',
      severity: 'error',
      comment: 'functions and worker are started, never imported',
      from: { path: '^(src|infra|tasks)/' },
      to: { path: '^(functions|worker)/' },
    },
    only('infra-reads-the-config', '^infra/', [
      '^infra/',
      '^src/project/(load-config|check-definitions|bundled|resolve-self)\\.ts$',
      '^src/homes/aws/(build|environment|handlers/start-run)\\.ts$',
      '^src/body/luigi-shim\\.ts$',
      '^src/cli/version\\.ts$',
      '^src/bundling/bundle\\.ts$',
      ...rooms('core', 'define'),
    ]),
    only('console-knows-the-shapes', '^console/', ['^console/', '^src/(control/control|http/server)\\.ts$']),
    {
      name: 'console-takes-types-alone',
      severity: 'error',
      comment:
        'nothing of the engine runs in a browser: the console asks the API and knows the types of its answers',
      from: { path: '^console/' },
      to: { path: '^src/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing-imports-the-console',
      severity: 'error',
      comment: 'the console is built, and served as files',
      from: { path: '^(src|tasks|functions|worker|infra)/' },
      to: { path: '^console/' },
    },
    only('pipelines-use-the-library', '^tasks/', ['^tasks/', '^src/index\\.ts$']),
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
