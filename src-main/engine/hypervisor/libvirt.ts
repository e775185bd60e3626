import { AppError } from '#contract/errors.ts';
import type { World } from '#engine/world/world.ts';
import type { Hypervisor } from './hypervisor.ts';

export interface LibvirtOptions {
  /** Connect again, with back-off, when the daemon goes away. Default true. */
  readonly reconnect?: boolean;
  /** How long one call may take; agent calls and lock waits need more than 30 s. Default 60,000. */
  readonly callTimeoutMs?: number;
  /** Start the session daemon when nothing answers. Default true. */
  readonly autostart?: boolean;
}

export function openLibvirt(
  uri: string,
  world: World,
  options: LibvirtOptions = {},
): Promise<Hypervisor> {
  void world;
  void options;
  throw new AppError('unsupported', `Not connected yet: ${uri}`);
}
