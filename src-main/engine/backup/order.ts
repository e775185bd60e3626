/** What was asked for of one machine. */
export interface BackupOrder {
  readonly uuid: string;
  readonly name: string;
  /** Targets of disks that stay out. */
  readonly exclude: readonly string[];
  readonly reread: boolean;
  /** Ids of warnings the person ticked. */
  readonly accepted: readonly string[];
  /** Reads no faster than this; null: as fast as it goes. */
  readonly bytesPerSecond: number | null;
}
