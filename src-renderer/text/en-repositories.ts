/** Words of the repositories screen. */
export const repositories = {} as const;
