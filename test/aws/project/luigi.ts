import { build, luigi, secret } from 'sluice'
import { z } from 'zod'

const image = build('../../../.cache/luigi-on-aws')

export const month = luigi('month', {
  module: 'shop',
  task: 'Month',
  params: { base: z.string(), days: z.int().default(1), broken: z.boolean().default(false) },
  image,
  families: {
    Receipt: { pool: 'till', secrets: { TILL: secret('shop/till') } },
    Broken: { retry: { attempts: 1 } },
    Order: { retry: { attempts: 2, delaySeconds: 0 } },
  },
})

/** Held while it is planned, and in one of its tasks, which gets one attempt: what is killed uses none up. */
export const held = luigi('held', {
  module: 'shop',
  task: 'HeldMonth',
  params: { base: z.string() },
  image,
  families: { HeldOrder: { retry: { attempts: 1 } } },
})

/** A module that is not in the image. */
export const lost = luigi('lost', { module: 'nowhere', task: 'Month', image })
