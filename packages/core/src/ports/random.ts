/** Randomness as a component sees it. Production: a CSPRNG. Tests: seeded. */
export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** RFC 9562 version 4 UUID, lower case. Connection ids and sessions: must be unguessable in production. */
  uuid(): string;
}
