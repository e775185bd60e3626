/** Opening a fresh session: authentication, virConnectOpen, registration for events. */
import { AppError } from '#contract/errors.ts';
import { isDenied } from './libvirt-error.ts';
import { events, procedures } from './procedures.ts';
import type { Session } from './session.ts';

/** remote_auth_type */
const authType = { none: 0, sasl: 1, polkit: 2 } as const;
const readOnlyFlag = 1; // VIR_CONNECT_RO
/** Polkit may ask a person for a password. */
export const authenticationLimitMs = 120_000;

/** True when the daemon grants the connection; false when it (or polkit) says no. */
export async function openConnection(
  session: Session,
  name: string,
  readOnly: boolean,
): Promise<boolean> {
  try {
    const { types } = await session.call(procedures.authList, null);
    const [type = authType.none] = types;
    if (type === authType.polkit) {
      await session.call(procedures.authPolkit, null, authenticationLimitMs);
    } else if (type !== authType.none) {
      throw new AppError('unsupported', 'This libvirt asks for a password (SASL).', {
        advice: 'Let libvirt use polkit or the socket permissions for its unix socket.',
      });
    }
    const flags = readOnly ? readOnlyFlag : 0;
    await session.call(procedures.connectOpen, { name, flags });
  } catch (thrown) {
    if (isDenied(thrown)) return false;
    throw thrown;
  }
  for (const { id } of Object.values(events)) {
    await session.call(procedures.eventRegister, { eventId: id, dom: null });
  }
  return true;
}
