/**
 * Variables that make a loader, a language runtime, a package runner, a shell or a tool that they start execute
 * or load something else than what was approved, or that point these at other configuration or other
 * certificates. Settings of applications are not in it: a definition names the variables that it reads, and those
 * names are part of its approval.
 */
const FORBIDDEN_NAMES: ReadonlySet<string> = new Set([
  // Dynamic loader and C library
  ...["GCONV_PATH", "GLIBC_TUNABLES", "HOSTALIASES", "LOCALDOMAIN", "LOCPATH", "MALLOC_TRACE", "NLSPATH"],
  ...["RES_OPTIONS", "RESOLV_HOST_CONF"],
  // Where programs and their settings are looked for
  ...["PATH", "PATHEXT", "HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "COMSPEC", "SYSTEMROOT", "WINDIR"],
  ...["XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "XDG_DATA_HOME", "XDG_DATA_DIRS"],
  // Certificates: with them, whoever sits in between decides what a package runner downloads
  ...[
    "NODE_EXTRA_CA_CERTS",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
  ],
  ...["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES"],
  // Node.js
  ...["NODE_OPTIONS", "NODE_PATH", "NODE_REPL_EXTERNAL_MODULE", "NODE_REDIRECT_WARNINGS", "NODE_V8_COVERAGE"],
  ...["NODE_COMPILE_CACHE", "NODE_CHANNEL_FD", "NODE_ICU_DATA", "ELECTRON_RUN_AS_NODE", "TS_NODE_PROJECT"],
  // Python; the harmless ones, such as PYTHONUNBUFFERED, stay allowed
  ...["PYTHONSTARTUP", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONINSPECT", "PYTHONBREAKPOINT"],
  ...["PYTHONWARNINGS", "PYTHONPLATLIBDIR", "PYTHONEXECUTABLE", "PYTHONPYCACHEPREFIX", "VIRTUAL_ENV"],
  // Shells
  ...[
    "BASH_ENV",
    "ENV",
    "SHELL",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "IFS",
    "CDPATH",
    "ZDOTDIR",
  ],
  // Other runtimes
  ...[
    "PERL5OPT",
    "PERL5LIB",
    "PERLLIB",
    "PERL5DB",
    "PERL5SHELL",
    "RUBYOPT",
    "RUBYLIB",
    "GEM_HOME",
    "GEM_PATH",
  ],
  ...["JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "JAVA_HOME", "CLASSPATH", "PHPRC"],
  ...["PHP_INI_SCAN_DIR", "LUA_INIT", "LUA_PATH", "LUA_CPATH", "R_PROFILE", "R_PROFILE_USER", "R_ENVIRON"],
  ...[
    "R_ENVIRON_USER",
    "ERL_FLAGS",
    "ERL_AFLAGS",
    "ERL_ZFLAGS",
    "JULIA_LOAD_PATH",
    "GOFLAGS",
    "RUSTC_WRAPPER",
  ],
  // Tools that start what a variable names; all of git's are among the prefixes
  ...[
    "SSH_ASKPASS",
    "SUDO_ASKPASS",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "MANPAGER",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
  ],
  // Not a variable at all, but a trap for objects
  "__PROTO__",
]);

const FORBIDDEN_PREFIXES = [
  "LD_",
  "DYLD_",
  "BASH_FUNC_",
  "NPM_CONFIG_",
  "PNPM_",
  "YARN_",
  "COREPACK_",
  "BUN_",
  "DENO_",
  "UV_",
  "PIP_",
  "PIPX_",
  "BUNDLE_",
  "DOTNET_",
  "CORECLR_",
  "COR_",
  "CARGO_",
  "GIT_",
  "MOORAGE_",
];

/**
 * Whether no definition and no instance may set this variable, because it changes which code runs. Case does
 * not count: npm reads `npm_config_*` in any case, and Windows every name.
 */
export function isForbiddenVariable(name: string): boolean {
  const upper = name.toUpperCase();
  return FORBIDDEN_NAMES.has(upper) || FORBIDDEN_PREFIXES.some((prefix) => upper.startsWith(prefix));
}
