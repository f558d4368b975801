/** The versions that a simulation is played on: all of them in the whole run, which has a thousand seeds, and the newest in the quick one. */
export const profiles: readonly ('3.10' | '4.0' | '4.3')[] =
  Number(process.env.EVENTAGENT_SIMULATION_SEEDS ?? 200) >= 1000 ? ['3.10', '4.0', '4.3'] : ['4.3'];
