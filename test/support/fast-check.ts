import fc from 'fast-check'

/**
 * Examples that are made are the same in every run, so that a change of the code is what makes a test fail. `FC_SEED=7` makes others,
 * to look for more.
 */
fc.configureGlobal({ seed: Number(process.env.FC_SEED ?? 1) })

export default fc
