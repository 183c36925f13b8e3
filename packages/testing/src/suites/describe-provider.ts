import { invalidInput, type LaunchRequest, type Provider } from "@moorage/core";
import { afterEach, beforeEach, describe, it } from "vitest";
import { type ProviderClaimCheck, providerBench } from "./provider-claim.ts";
import { connectionClaims } from "./provider-connection-claims.ts";
import { environmentClaims } from "./provider-environment-claims.ts";
import { lifecycleClaims } from "./provider-lifecycle-claims.ts";

/** Every claim with its check. */
export const PROVIDER_CLAIMS = { ...lifecycleClaims, ...connectionClaims, ...environmentClaims };

/** One sentence of the provider contract, as the suite puts it. */
export type ProviderClaim = keyof typeof PROVIDER_CLAIMS;

/** What the suite has to know about a provider. */
export interface ProviderHarness {
  /** A provider that holds nothing yet. `close` removes all it made, and bears that the provider is closed already. */
  create(): Promise<{ readonly provider: Provider; close(): Promise<void> }>;
  /**
   * A launch request for a server with the tools of the echo fixture, with these members replaced. Without
   * overrides it always names the same instance, and generation 1.
   */
  request(overrides: Partial<LaunchRequest>): LaunchRequest;
  /** Claims that do not hold for this provider, each with the reason: reported as skipped tests. */
  readonly deviations?: Partial<Readonly<Record<ProviderClaim, string>>>;
}

// Real resources start and stop slowly: a machine takes many seconds, a server may use up its grace.
const CLAIM_TIMEOUT_MS = 60_000;

/** Proves that a provider keeps the contract: one test per claim, each on a new provider. */
export function describeProvider(name: string, harness: ProviderHarness): void {
  const deviations = deviationsOf(harness);
  describe(`provider: ${name}`, () => {
    let made: Awaited<ReturnType<ProviderHarness["create"]>>;
    beforeEach(async () => {
      made = await harness.create();
    }, CLAIM_TIMEOUT_MS);
    afterEach(() => made.close(), CLAIM_TIMEOUT_MS);

    for (const [claim, check] of Object.entries<ProviderClaimCheck>(PROVIDER_CLAIMS)) {
      const deviation = deviations.get(claim);
      if (deviation !== undefined) {
        it.skip(`${claim} (deviates: ${deviation})`, () => {});
        continue;
      }
      it(claim, { timeout: CLAIM_TIMEOUT_MS }, async ({ skip }) => {
        const { bench, close } = providerBench({
          provider: made.provider,
          request: (overrides) => harness.request(overrides),
          skip: (reason) => skip(reason),
        });
        await check(bench).finally(close);
      });
    }
  });
}

function deviationsOf({ deviations = {} }: ProviderHarness): ReadonlyMap<string, string> {
  const unknown = Object.keys(deviations).filter((claim) => !(claim in PROVIDER_CLAIMS));
  if (unknown.length > 0) {
    const issues = unknown.map((path) => ({
      path,
      message: "is no claim of the suite; use the claim's own words",
    }));
    throw invalidInput("list of deviations", issues);
  }
  return new Map(Object.entries(deviations));
}
