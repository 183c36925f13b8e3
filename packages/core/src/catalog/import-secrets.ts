/** Names of variables, headers and query parameters whose values are kept from view. */
const SECRET_NAME =
  /token|key|secret|passw|passphrase|credential|authorization|private|cookie|(^|[_-])(pat|pwd|auth|dsn)($|[_-])/i;

/** Values that give themselves away, whatever they are called: keys of known issuers, tokens, credentials in addresses. */
const SECRET_VALUE =
  /(^|[\s=:"'])(sk-|sk_live_|sk_test_|rk_live_|ghp_|gho_|ghs_|ghu_|ghr_|github_pat_|glpat-|xox[abeoprs]-|AKIA[0-9A-Z]{12}|AIza|hf_|npm_|pypi-|eyJ[A-Za-z0-9_-]{10,}\.|-----BEGIN)|^[a-z][a-z0-9+.-]*:\/\/[^\s/@]*:[^\s/@]+@|(^|[\s:"'])Bearer\s+\S/;

/** Whether a variable of this name holds a secret. */
export function hasSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** Whether this text is, or holds, a secret. A placeholder is none. */
export function isSecretText(text: string): boolean {
  return SECRET_VALUE.test(text.replace(/\$\{[^}]*\}|\{[A-Za-z0-9_-]+\}/g, "").trim());
}
