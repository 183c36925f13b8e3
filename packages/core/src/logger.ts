/** Where the platform reports what it did on its own account. The shape of pino and of most structured loggers. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** Says nothing; the default, because a library does not write to its host's console unasked. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
