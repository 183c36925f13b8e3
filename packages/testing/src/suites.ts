export { describeProvider, type ProviderClaim, type ProviderHarness } from "./suites/describe-provider.ts";
export { describeStore, type StoreFixture } from "./suites/describe-store.ts";
