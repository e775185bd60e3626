/** Words of the first-run screen. */
export const firstRun = {} as const;
