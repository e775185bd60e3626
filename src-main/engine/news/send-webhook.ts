/**
 * News as an HTTP POST to one address that a person typed. It is the only connection Waymark opens
 * to somewhere outside by itself: nothing is sent before the address was saved, no answer is read,
 * and no redirect is followed, so that the news goes to this address and to no other. The address
 * itself is often a password: no log and no error repeats more of it than the host.
 */
import type { World } from '#engine/world/world.ts';
import { notSent, sendTimeoutMs } from './outgoing.ts';

/** Null when news can be sent there; else what is wrong with the address. */
export function webhookProblem(address: string): string | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null) return 'This is not an address. It begins with https:// and a host.';
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return 'An address for news begins with https:// or http://.';
  }
  return null;
}

/** @throws `news-not-sent` */
export async function sendWebhook(
  { clock }: World,
  address: string,
  document: string,
  signal: AbortSignal,
): Promise<void> {
  const wrong = webhookProblem(address);
  if (wrong !== null) throw failed(wrong, 'Correct the address, then send a test.');
  const { target, authorization } = withoutCredentials(new URL(address));
  const late = new AbortController();
  const stopWaiting = clock.timer(sendTimeoutMs, () => {
    late.abort();
  });
  try {
    const response = await fetch(target, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json', 'user-agent': 'Waymark', ...authorization },
      body: document,
      signal: AbortSignal.any([signal, late.signal]),
    });
    await response.body?.cancel();
    refuseAnswer(target, response);
  } catch (thrown) {
    if (late.signal.aborted) {
      const words = `${target.host} did not answer within ${sendTimeoutMs / 1000} s.`;
      throw failed(words, 'Check that the address can be reached from this computer.');
    }
    throw thrown instanceof TypeError ? unreachable(target, thrown) : thrown;
  } finally {
    stopWaiting();
  }
}

/** fetch refuses an address with a name and a password in it; they are sent as HTTP says. */
function withoutCredentials(url: URL) {
  const { username, password } = url;
  url.username = '';
  url.password = '';
  if (username === '' && password === '') return { target: url, authorization: {} };
  const both = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = { authorization: `Basic ${Buffer.from(both).toString('base64')}` };
  return { target: url, authorization };
}

function refuseAnswer(target: URL, { ok, status, headers }: Response): void {
  if (ok) return;
  if (status >= 300 && status < 400) {
    const to = headers.get('location') ?? '';
    const host = URL.canParse(to, target.href) ? ` to ${new URL(to, target).host}` : '';
    const words = `${target.host} sends on${host} (${status}). News goes only where you said.`;
    throw failed(words, 'Enter the address it leads to.');
  }
  const advice =
    status === 401 || status === 403 || status === 404 || status === 410
      ? 'The address may have been withdrawn there. Make a new one, then send a test.'
      : 'Look at what the service there expects, then send a test.';
  throw failed(`${target.host} did not take it and answered ${status}.`, advice);
}

/** By Node's own code of what went wrong below HTTP. */
const reasons: Readonly<Record<string, string>> = {
  ENOTFOUND: 'has a name that is not known',
  EAI_AGAIN: 'has a name that could not be looked up now',
  ECONNREFUSED: 'does not listen there',
  ECONNRESET: 'closed the connection',
  EHOSTUNREACH: 'cannot be reached from here',
  ENETUNREACH: 'cannot be reached: there is no network',
  CERT_HAS_EXPIRED: 'shows a certificate that has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'shows a certificate that is not trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'shows a certificate that is not trusted here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'shows a certificate that is not trusted here',
  ERR_TLS_CERT_ALTNAME_INVALID: 'shows a certificate of another name',
};

function unreachable(target: URL, thrown: TypeError) {
  const { cause } = thrown;
  const code =
    typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : 'unknown';
  const why = reasons[code] ?? `could not be reached (${code})`;
  return failed(`${target.host} ${why}.`, 'Check the address and the network, then send a test.');
}

function failed(message: string, advice: string) {
  return notSent('webhook', message, advice);
}
