import {
  build,
  container,
  emrServerless,
  folder,
  insignificant,
  type JsonTarget,
  json,
  pipeline,
  task,
} from 'sluice'
import { z } from 'zod'
import type { Clicks } from '../clicks.ts'
import { makeIntervalField, makeResultPath } from '../interval.ts'
import { DayClicks, type DaySummary, DayVisits } from '../pipeline.ts'

/*
 * The click aggregation of a day three times, with equal results: as TypeScript (DayClicks), as a Python program in a container,
 * and as a Spark job. A parameter of the pipeline chooses.
 */

const source = insignificant(z.string().default('weblogs'))
const day = { interval: makeIntervalField('day'), source }
const pathOf = (interval: string) => `${makeResultPath('day', interval)}.clicks`

/** Where the image's Python comes from; by default from Docker Hub. */
const {
  CLICKS_PYTHON_IMAGE,
  CLICKS_PYTHON_VERSION = '3.12-slim',
  SPARK_SUBMIT = 'spark-submit',
} = process.env

/** The same as DayClicks, in an image of its own with its own requirements. */
export const DayClicksInContainer = container('DayClicksInContainer', {
  params: day,
  requires: ({ interval, source }) => DayVisits({ interval, source }),
  output: ({ interval }) => json<Clicks>(`${pathOf(interval)}.container.json`),
  image: build('image', {
    target: 'runtime',
    args: {
      PYTHON_VERSION: CLICKS_PYTHON_VERSION,
      ...(CLICKS_PYTHON_IMAGE && { PYTHON_IMAGE: CLICKS_PYTHON_IMAGE }),
    },
  }),
  command: ({ input, output }) => [input.visits.path, output.path],
  pool: 'heavy',
})

/** The same as a Spark job. */
export const DayClicksOnSpark = emrServerless('DayClicksOnSpark', {
  params: day,
  requires: ({ interval, source }) => DayVisits({ interval, source }),
  output: ({ interval }) => folder(`${pathOf(interval)}.spark/`, { marker: '_SUCCESS' }),
  application: 'clicks',
  job: ({ input, output }) => ({
    script: 'spark/clicks.py',
    pyFiles: ['image/comparison.py'],
    arguments: [input.visits.uri, output.uri],
    spark: { 'spark.executor.memory': '4g' },
  }),
  local: ({ input, output }) => [
    SPARK_SUBMIT,
    '--master',
    'local[2]',
    // A day is small: many parts would only take time.
    '--conf',
    'spark.sql.shuffle.partitions=2',
    '--py-files',
    'image/comparison.py',
    'spark/clicks.py',
    input.visits.path,
    output.path,
  ],
  pool: 'heavy',
})

/** The clicks that Spark has written, as a target of the others. */
const ReadSparkClicks = task(
  'ReadSparkClicks',
  {
    params: day,
    requires: ({ interval, source }) => DayClicksOnSpark({ interval, source }),
    output: ({ interval }) => json<Clicks>(`${pathOf(interval)}.spark.json`),
  },
  async ({ input, output }) => {
    const [part, ...others] = (await input.names()).filter((name) => name.startsWith('part-'))
    if (part === undefined || others.length > 0) throw new Error('Spark has written no single part')
    await output.write(await input.json<Clicks>(part).read())
  },
)

const CLICKS = {
  typescript: DayClicks,
  container: DayClicksInContainer,
  spark: ReadSparkClicks,
}

/** A day as SearchDay has it, with its clicks counted by one of the three programs. */
export const SearchDayByProgram = task(
  'SearchDayByProgram',
  {
    params: { ...day, by: z.enum(['typescript', 'container', 'spark']).default('typescript') },
    requires: ({ interval, source, by }) => ({
      day: DayVisits({ interval, source }),
      clicks: CLICKS[by]({ interval, source }),
    }),
    output: ({ interval, by }) => json<DaySummary>(`${makeResultPath('day', interval)}.${by}.json`),
  },
  async ({ input, output }) => {
    const clicks: JsonTarget<Clicks> = input.clicks
    await output.write({ ...(await input.day.summary.read()), ...(await clicks.read()) })
  },
)

/** The pipeline with the switch `--by`. */
export const searchDayByProgram = pipeline('search-day-by-program', SearchDayByProgram, {
  description: 'Counts the clicks of a day by a program in TypeScript, in a container or on Spark',
})
