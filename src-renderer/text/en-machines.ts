/** Words of the machines screen. */
export const machines = {} as const;
