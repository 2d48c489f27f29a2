import { build, container, insignificant, json, pipeline, secret, task, text } from 'sluice'
import { z } from 'zod'

const BUSYBOX = 'registry.test/busybox:1'
const of = z.string()

const Words = task('Words', { params: { of }, output: ({ of }) => text(`words/${of}.txt`) }, ({ output }) =>
  output.write('one two three\n'),
)

/** An input, an output, lines on both streams, a secret, and what it is told. */
const Count = container('Count', {
  params: { of },
  requires: ({ of }) => ({ words: Words({ of }) }),
  output: ({ of }) => text(`counts/${of}.txt`),
  image: BUSYBOX,
  command: ({ input, output }) => [
    'sh',
    '-c',
    [
      `wc -w < ${input.words.path} > ${output.path}`,
      'echo "the key is $KEY" >&2',
      'cat $SLUICE_PARAMS',
      'echo "{\\"progress\\":{\\"done\\":1}}" >> $SLUICE_EVENTS',
      `if echo x >> ${input.words.path}; then exit 3; fi`,
    ].join('\n'),
  ],
  secrets: { KEY: secret('program/key') },
  pool: 'small',
})

const Counted = task(
  'Counted',
  {
    params: { of },
    requires: ({ of }) => Count({ of }),
    output: ({ of }) => json<number>(`counted/${of}.json`),
  },
  async ({ input, output }) => output.write(Number((await input.read()).trim())),
)
export const count = pipeline('count', Counted)

/** Whatever a test has it do, in a shell. */
const Script = container('Script', {
  params: { of, script: insignificant(z.string()) },
  output: ({ of }) => text(`scripts/${of}.txt`),
  image: BUSYBOX,
  command: ({ params }) => ['sh', '-c', params.script],
  retry: { attempts: 2, delaySeconds: 0 },
  timeoutSeconds: 60,
  pool: 'small',
})
export const script = pipeline('script', Script)

const Built = container('Built', {
  params: { of },
  output: ({ of }) => text(`built/${of}.txt`),
  image: build('images/kept', { target: 'first', args: { WORD: 'care' } }),
  command: ({ output }) => ['cp', '/tmp/word', output.path],
  pool: 'small',
})
export const built = pipeline('built', Built)

const NotInImage = container('NotInImage', {
  params: { of },
  image: BUSYBOX,
  command: ['no-such-program'],
  retry: { attempts: 1 },
})
export const notInImage = pipeline('not-in-image', NotInImage)

/** In an image that holds one program and a file, and no shell. */
const Bare = container('Bare', {
  params: { of },
  output: ({ of }) => text(`bare/${of}.txt`),
  image: build('images/bare'),
  command: ({ output }) => ['/busybox', 'cp', '/word', output.path],
  retry: { attempts: 1 },
  pool: 'small',
})
export const bare = pipeline('bare', Bare)

/** It fails, with inputs, a secret and an entry of its own. */
const Broken = container('Broken', {
  params: { of },
  requires: ({ of }) => ({ words: Words({ of }) }),
  output: ({ of }) => text(`broken/${of}.txt`),
  image: BUSYBOX,
  command: ({ input }) => ['sh', '-c', `wc -w < ${input.words.path}; exit 3`],
  secrets: { KEY: secret('program/key') },
  retry: { attempts: 1 },
  pool: 'small',
})
export const broken = pipeline('broken', Broken)

const NoImage = container('NoImage', {
  params: { of },
  image: 'registry.test/nothing:1',
  retry: { attempts: 3 },
})
export const noImage = pipeline('no-image', NoImage)

/** More than a pool takes at once. */
const Many = task(
  'Many',
  {
    params: { of, size: insignificant(z.int()) },
    requires: ({ of, size }) =>
      Array.from({ length: size }, (_, n) =>
        Script({ of: `${of}-${n}`, script: `echo ${n} > "$SLUICE_OUTPUT"` }),
      ),
    output: ({ of }) => json<number>(`many/${of}.json`),
  },
  async ({ input, output }) => output.write(input.length),
)
export const many = pipeline('many', Many)

const Sleeper = container('Sleeper', {
  params: { of },
  output: ({ of }) => text(`slept/${of}.txt`),
  image: BUSYBOX,
  command: ({ output }) => ['sh', '-c', `sleep 5; echo slept > ${output.path}`],
  pool: 'wide',
})

/** As many at once as a test asks for. */
const Wide = task(
  'Wide',
  {
    params: { of, size: insignificant(z.int()) },
    requires: ({ of, size }) => Array.from({ length: size }, (_, n) => Sleeper({ of: `${of}-${n}` })),
    output: ({ of }) => json<number>(`wide/${of}.json`),
  },
  async ({ input, output }) => output.write(input.length),
)
export const wide = pipeline('wide', Wide)
