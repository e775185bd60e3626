/**
 * One NBD connection: the only file here that knows sockets. Bytes from the kernel go where the
 * decoder says, without a copy; up to `maxInFlightRequests` requests are under way and the rest
 * wait their turn. However the connection ends, every waiter hears of it, once.
 */
import { connect, type Socket } from 'node:net';
import { AppError } from '#contract/errors.ts';
import {
  closeTimeoutMs,
  command,
  defaultTimeoutMs,
  maxInFlightRequests,
  maxQueuedRequests,
  option,
} from './constants.ts';
import { HandshakeDecoder, ReplyDecoder, type Intake } from './decode.ts';
import { encodeOption, encodeRequest } from './encode.ts';
import { connectionLost, refusedRequest } from './errors.ts';
import { Negotiation, type Agreement } from './negotiate.ts';
import { describeRequest, RequestTable, type Answer, type Request } from './requests.ts';

export interface NbdOptions {
  readonly socketPath: string;
  readonly exportName: string;
  /** Metadata contexts to ask for; what the server grants is in the client's `contexts`. */
  readonly contexts: readonly string[];
  /** Ends the connection; every waiter gets `cancelled`. */
  readonly signal?: AbortSignal;
  /** Longest silence while an answer is owed; default 60,000. */
  readonly timeoutMs?: number;
}

/** sizeof(sockaddr_un.sun_path) less the closing zero, on Linux. */
const maxSocketPathBytes = 107;

interface Waiting {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: AppError) => void;
}

export class Connection {
  readonly closed: Promise<AppError | null>;
  readonly #options: NbdOptions;
  readonly #queue: Waiting[] = [];
  #socket: Socket | null = null;
  #intake: Intake;
  #table: RequestTable | null = null;
  #agreement: Agreement | null = null;
  #end: AppError | 'open' | 'closed' = 'open';
  #corked = false;
  readonly #ended = deferred<AppError | null>();
  readonly #opening = deferred<null>();
  #queuedBytes = 0;

  private constructor(options: NbdOptions) {
    this.#options = options;
    this.closed = this.#ended.promise;
    const negotiation = new Negotiation({
      exportName: options.exportName,
      contexts: options.contexts,
      send: (bytes) => this.#socket?.write(bytes),
      agreed: (agreement) => this.#agreed(agreement),
    });
    this.#intake = new HandshakeDecoder((message) => negotiation.receive(message));
  }

  /** Connects and negotiates; rejects with one of the four kinds, `cancelled` and the like. */
  static async open(options: NbdOptions): Promise<Connection> {
    const { socketPath, signal } = options;
    const pathBytes = Buffer.byteLength(socketPath);
    if (pathBytes > maxSocketPathBytes) {
      throw new AppError('socket-path-too-long', `The socket path ${socketPath} is too long.`, {
        path: socketPath,
        pathBytes,
        maxSocketPathBytes,
      });
    }
    if (signal?.aborted === true) throw cancelled();
    const connection = new Connection(options);
    connection.#connect();
    await connection.#opening.promise;
    return connection;
  }

  get agreement(): Agreement {
    if (this.#agreement === null) throw new AppError('internal', 'Not negotiated yet.');
    return this.#agreement;
  }

  /** Bytes of the requests under way and waiting: how busy this connection is. */
  get busyBytes(): number {
    return (this.#table?.bytes ?? 0) + this.#queuedBytes;
  }

  /** Sends a request, now or when its turn comes; resolves when it is answered. */
  submit(request: Request): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (this.#end !== 'open') {
        reject(this.#end === 'closed' ? cancelled() : this.#end);
      } else if ((this.#table?.count ?? 0) < maxInFlightRequests) {
        this.#send({ request, resolve, reject });
      } else if (this.#queue.length < maxQueuedRequests) {
        this.#queue.push({ request, resolve, reject });
        this.#queuedBytes += request.length;
      } else {
        reject(refusedRequest(describeRequest(request), 'too many requests are waiting'));
      }
    });
  }

  /** Says goodbye (NBD_CMD_DISC) and hangs up; whoever still waits gets `cancelled`. */
  async close(): Promise<void> {
    if (this.#end === 'open') this.#finish(null);
    await this.closed;
  }

  /** Ends the connection as if it had failed by itself: every waiter gets `error`. */
  fail(error: AppError): void {
    this.#finish(error);
  }

  #connect(): void {
    const socket = connect({
      path: this.#options.socketPath,
      onread: {
        buffer: () => this.#intake.target(),
        callback: (count) => this.#received(count),
      },
    });
    this.#socket = socket;
    const timeoutMs = this.#options.timeoutMs ?? defaultTimeoutMs;
    socket.setTimeout(timeoutMs);
    socket.on('timeout', () => {
      if (this.#table?.count === 0) return;
      this.#finish(connectionLost(`no answer for ${timeoutMs / 1000} s`, { timeoutMs }));
    });
    socket.on('error', (thrown) => this.#finish(this.#socketError(thrown)));
    socket.on('end', () => this.#finish(connectionLost('the server hung up')));
    const abort = () => this.#finish(cancelled());
    this.#options.signal?.addEventListener('abort', abort, { once: true });
    socket.on('close', () => {
      this.#options.signal?.removeEventListener('abort', abort);
      this.#finish(connectionLost('the server hung up'));
      this.#ended.resolve(this.#end === 'closed' || this.#end === 'open' ? null : this.#end);
    });
  }

  #agreed(agreement: Agreement): void {
    this.#agreement = agreement;
    const { structured, contexts } = agreement;
    this.#table = new RequestTable(structured, contexts.keys(), () => this.#next());
    this.#intake = new ReplyDecoder(this.#table);
    this.#opening.resolve(null);
  }

  #received(count: number): boolean {
    if (this.#end !== 'open') return false;
    try {
      this.#intake.filled(count);
    } catch (thrown) {
      const known = thrown instanceof AppError;
      this.#finish(
        known ? thrown : new AppError('internal', 'The NBD decoder failed.', {}, thrown),
      );
      return false;
    }
    return true;
  }

  #next(): void {
    const waiting = this.#queue.shift();
    if (waiting === undefined || this.#end !== 'open') return;
    this.#queuedBytes -= waiting.request.length;
    this.#send(waiting);
  }

  /** Requests of one turn of the event loop leave in one system call. */
  #send({ request, resolve, reject }: Waiting): void {
    const socket = this.#socket;
    if (socket === null || this.#table === null) return;
    const cookie = this.#table.add(request, resolve, reject);
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      process.nextTick(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    socket.write(encodeRequest(request.command, cookie, request.offset, request.length));
    if (request.data !== undefined) socket.write(request.data);
  }

  /**
   * The one way out. With reads under way the socket is destroyed at once: their targets belong to
   * the callers again as soon as they hear of it, so the kernel must not write there any more.
   */
  #finish(error: AppError | null): void {
    if (this.#end !== 'open') return;
    this.#end = error ?? 'closed';
    const busy = (this.#table?.count ?? 0) > 0;
    this.#sayGoodbye(error);
    const reason = error ?? cancelled();
    this.#opening.reject(reason);
    this.#opening.promise.catch(() => undefined); // after opening, the rejection means nothing
    if (error !== null || busy) this.#socket?.destroy();
    else this.#hangUp();
    this.#table?.failAll(reason);
    for (const { reject } of this.#queue.splice(0)) reject(reason);
  }

  #sayGoodbye(error: AppError | null): void {
    const socket = this.#socket;
    if (socket?.writable !== true) return;
    if (this.#corked) socket.uncork();
    if (this.#table !== null) socket.write(encodeRequest(command.disconnect, 0, 0, 0));
    else if (error?.code === 'nbd-option') socket.write(encodeOption(option.abort));
  }

  #hangUp(): void {
    const socket = this.#socket;
    if (socket === null) return;
    const timeout = setTimeout(() => socket.destroy(), closeTimeoutMs);
    socket.on('close', () => clearTimeout(timeout));
    socket.end();
  }

  #socketError(thrown: NodeJS.ErrnoException): AppError {
    const { socketPath } = this.#options;
    const errno = thrown.code ?? 'unknown';
    if (errno === 'EACCES' || errno === 'EPERM') {
      return new AppError(
        'permission-denied',
        `This user may not use the disk server's socket ${socketPath}.`,
        { path: socketPath, errno },
        thrown,
      );
    }
    return connectionLost(errno, { path: socketPath, errno }, thrown);
  }
}

function cancelled(): AppError {
  return new AppError('cancelled', 'Cancelled.');
}

interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: AppError) => void;
}

function deferred<T>(): Deferred<T> {
  let settle: Omit<Deferred<T>, 'promise'> | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  if (settle === undefined) throw new AppError('internal', 'A promise did not start.');
  return { promise, ...settle };
}
