// A walk over every public method of realm-web that concerns users, against a real server. It runs
// unchanged in Node and in a browser's page: what the two have not in common is handed to it.
//
// Each step is a claim. `walk` returns their names in order, or throws what does not hold.

/** The applications that the server must have, by how they confirm. */
export const APPS = { mail: "mail-abcde", auto: "auto-abcde", call: "call-abcde" };

const PASSWORD = "correct horse battery staple";
const OTHER_PASSWORD = "another good long one";

/**
 * @param {object} Realm realm-web, as it is published
 * @param {object} given `url` of the server; `mail(address)`: token and tokenId of the last mail
 *   there; `admin(app, method, path)`: a request of an admin; `credentials` of each provider that
 *   somebody else vouches for; `old`: a user with custom data and an expired access token.
 * @param {(name: string) => void} report called as each step is done
 */
export async function walk(Realm, given, report) {
  const { Credentials } = Realm;
  const [done, failed] = [[], []];
  let number = 0;
  const fresh = () => `user${++number}.${given.run}@example.com`;
  const app = {};
  for (const [mode, id] of Object.entries(APPS)) {
    app[mode] = new Realm.App({ id, baseUrl: given.url, app: { name: "walk", version: "1.0" } });
  }

  async function step(name, act) {
    try {
      await within(20_000, act());
    } catch (problem) {
      failed.push(`${name}: ${problem.stack ?? problem}`);
      return;
    }
    done.push(name);
    report(name);
  }

  /** A user who is registered, confirmed and logged in, in the application without questions. */
  async function somebody(email = fresh(), password = PASSWORD) {
    await app.auto.emailPasswordAuth.registerUser({ email, password });
    return app.auto.logIn(Credentials.emailPassword(email, password));
  }

  /** Fails unless *act* is refused by the server in this way. */
  async function refuses(act, statusCode, errorCode, message) {
    let problem;
    try {
      await act();
    } catch (refused) {
      problem = refused;
    }
    same(true, problem instanceof Realm.MongoDBRealmError, `no refusal but ${problem}`);
    same(statusCode, problem.statusCode, problem.message);
    same(errorCode, problem.errorCode, problem.message);
    if (message !== undefined) same(message, problem.error);
    same(true, problem.link.startsWith(given.url) && problem.link.includes("logs?co_id="));
  }

  // --- anonymous -------------------------------------------------------------------------------

  await step("an anonymous user is used again, unless a new one is asked for", async () => {
    const first = await app.auto.logIn(Credentials.anonymous());
    const again = await app.auto.logIn(Credentials.anonymous());
    const other = await app.auto.logIn(Credentials.anonymous(false));
    same(first.id, again.id);
    same(true, first.id !== other.id);
    same("anon-user", first.providerType);
    same({}, { ...first.customData });
    same(24, first.deviceId.length);
    same(first.deviceId, other.deviceId);
  });

  await step("a log-in without a profile asks for none", async () => {
    const user = await app.auto.logIn(Credentials.anonymous(false), false);
    same(undefined, user._profile);
    await user.refreshProfile();
    same(["anon-user"], user.identities.map((one) => one.providerType));
  });

  // --- e-mail and password ---------------------------------------------------------------------

  await step("who registers by mail waits, confirms by its link, and logs in", async () => {
    const email = fresh();
    const auth = app.mail.emailPasswordAuth;
    await auth.registerUser({ email, password: PASSWORD });
    const logIn = () => app.mail.logIn(Credentials.emailPassword(email, PASSWORD));
    await refuses(logIn, 401, "AuthError", "confirmation required");
    await auth.confirmUser(await given.mail(email));
    const user = await logIn();
    same(email, user.profile.email);
    same(["local-userpass"], user.identities.map((one) => one.providerType));
    same({ id: user.id, customData: {} }, pick(user.toJSON(), "id", "customData"));
    await app.mail.removeUser(user);
  });

  await step("a message that is sent again replaces the one before", async () => {
    const email = fresh();
    const auth = app.mail.emailPasswordAuth;
    await auth.registerUser({ email, password: PASSWORD });
    const first = await given.mail(email);
    await auth.resendConfirmationEmail({ email });
    await refuses(() => auth.confirmUser(first), 400, "UserpassTokenInvalid");
    await auth.confirmUser(await given.mail(email, first));
    const again = () => auth.resendConfirmationEmail({ email });
    await refuses(again, 400, "UserAlreadyConfirmed", "already confirmed");
  });

  await step("a token that is none of ours is told from one that is dead", async () => {
    const auth = app.mail.emailPasswordAuth;
    const none = { token: "abc", tokenId: "e30=" };
    const dead = { token: "0".repeat(128), tokenId: "0".repeat(24) };
    await refuses(() => auth.confirmUser(none), 400, "BadRequest", "invalid token data");
    await refuses(() => auth.confirmUser(dead), 400, "UserpassTokenInvalid");
    const reset = (token) => auth.resetPassword({ ...token, password: PASSWORD });
    await refuses(() => reset(none), 400, "BadRequest", "invalid token data");
    await refuses(() => reset(dead), 400, "UserpassTokenInvalid");
  });

  await step("an address is taken once, a password is not too short", async () => {
    const email = fresh();
    const register = (given) => app.auto.emailPasswordAuth.registerUser(given);
    await register({ email, password: PASSWORD });
    const taken = () => register({ email: email.toUpperCase(), password: PASSWORD });
    await refuses(taken, 409, "AccountNameInUse", "name already in use");
    await refuses(() => register({ email: fresh(), password: "short" }), 400, "BadRequest");
    await refuses(() => register({ email: "ada", password: PASSWORD }), 400, "BadRequest");
  });

  await step("in automatic mode nothing is to be sent or called again", async () => {
    const { email } = (await somebody()).profile;
    const auth = app.auto.emailPasswordAuth;
    const sentence = `cannot run confirmation for ${email}: automatic confirmation is enabled`;
    await refuses(() => auth.retryCustomConfirmation({ email }), 400, undefined, sentence);
    await refuses(() => auth.resendConfirmationEmail({ email }), 400, "UserAlreadyConfirmed");
  });

  await step("a function confirms, lets wait and refuses, and is called again", async () => {
    const auth = app.call.emailPasswordAuth;
    const logIn = (email) => app.call.logIn(Credentials.emailPassword(email, PASSWORD));
    const [at_once, later, never] = ["yes.", "wait.", "no."].map((word) => word + fresh());
    await auth.registerUser({ email: at_once, password: PASSWORD });
    same(at_once, (await logIn(at_once)).profile.email);

    await auth.registerUser({ email: later, password: PASSWORD });
    await refuses(() => logIn(later), 401, "AuthError", "confirmation required");
    const resend = () => auth.resendConfirmationEmail({ email: later });
    await refuses(resend, 400, "BadRequest", "please use confirm via function");
    await auth.retryCustomConfirmation({ email: later });
    same(later, (await logIn(later)).profile.email);
    const again = () => auth.retryCustomConfirmation({ email: later });
    await refuses(again, 400, "UserAlreadyConfirmed", "already confirmed");

    const register = () => auth.registerUser({ email: never, password: PASSWORD });
    await refuses(register, 400, "BadRequest", `failed to confirm user "${never}"`);
    await refuses(() => logIn(never), 401, "InvalidPassword");
    const nobody = () => auth.retryCustomConfirmation({ email: never });
    await refuses(nobody, 404, "UserNotFound", "user not found");
  });

  await step("a password is reset by mail", async () => {
    const email = fresh();
    const auth = app.auto.emailPasswordAuth;
    await auth.registerUser({ email, password: PASSWORD });
    await auth.sendResetPasswordEmail({ email });
    await auth.resetPassword({ ...(await given.mail(email)), password: OTHER_PASSWORD });
    const logIn = (password) => app.auto.logIn(Credentials.emailPassword(email, password));
    await refuses(() => logIn(PASSWORD), 401, "InvalidPassword", "invalid username/password");
    same(email, (await logIn(OTHER_PASSWORD)).profile.email);
    const nobody = () => auth.sendResetPasswordEmail({ email: fresh() });
    await refuses(nobody, 404, "UserNotFound", "user not found");
  });

  await step("a password is reset by a function, which gets its arguments one by one", async () => {
    const email = `yes.${fresh()}`;
    const auth = app.call.emailPasswordAuth;
    await auth.registerUser({ email, password: PASSWORD });
    const call = (...given) =>
      auth.callResetPasswordFunction({ email, password: OTHER_PASSWORD }, ...given);
    const logIn = (password) => app.call.logIn(Credentials.emailPassword(email, password));
    const sentence = `failed to reset password for user "${email}"`;
    await refuses(() => call("mother's maiden name", 41), 400, "BadRequest", sentence);
    same(email, (await logIn(PASSWORD)).profile.email);
    await call("mother's maiden name", 42);
    await refuses(() => logIn(PASSWORD), 401, "InvalidPassword");
    same(email, (await logIn(OTHER_PASSWORD)).profile.email);
    const by_mail = () => auth.sendResetPasswordEmail({ email });
    await refuses(by_mail, 400, "BadRequest", "please use reset password via function");
  });

  // --- every other kind of credentials ---------------------------------------------------------

  await step("a custom token, a function, Google, Apple and Facebook log in", async () => {
    const { jwt, googleIdToken, googleAuthCode, appleIdToken, facebookToken } = given.credentials;
    const kinds = {
      "custom-token": Credentials.jwt(jwt),
      "custom-function": Credentials.function({ badge: 7, at: new Date(0) }),
      "oauth2-apple": Credentials.apple(appleIdToken),
      "oauth2-facebook": Credentials.facebook(facebookToken),
      "oauth2-google": Credentials.google({ idToken: googleIdToken }),
    };
    for (const [providerType, credentials] of Object.entries(kinds)) {
      const user = await app.auto.logIn(credentials);
      same(providerType, user.providerType);
      same([providerType], user.identities.map((one) => one.providerType));
      await user.logOut();
    }
    const by_code = await app.auto.logIn(Credentials.google({ authCode: googleAuthCode }));
    const by_token = await app.auto.logIn(Credentials.google({ idToken: googleIdToken }));
    same(by_code.id, by_token.id);
    await by_token.logOut();
  });

  await step("what a provider refuses is said in its words", async () => {
    const logIn = (credentials) => () => app.auto.logIn(credentials);
    await refuses(logIn(Credentials.apiKey("k".repeat(64))), 401, "AuthError", "invalid API key");
    await refuses(logIn(Credentials.jwt("a.b.c")), 401, "AuthError");
    const lost = "This badge was reported as lost.";
    await refuses(logIn(Credentials.function({ badge: 13 })), 401, "AuthError", lost);
    await refuses(logIn(Credentials.google({ idToken: "a.b.c" })), 401, "AuthError");
    const off = () => app.mail.logIn(Credentials.anonymous());
    await refuses(off, 404, "AuthProviderNotFound");
  });

  // --- API keys --------------------------------------------------------------------------------

  await step("API keys are made, listed, switched off and on, and deleted", async () => {
    const user = await somebody();
    same([], await user.apiKeys.fetchAll());
    const made = await user.apiKeys.create("till");
    same(["_id", "disabled", "key", "name"], Object.keys(made).sort());
    const shown = { _id: made._id, name: "till", disabled: false };
    same(shown, await user.apiKeys.fetch(made._id));
    same([shown], await user.apiKeys.fetchAll());

    // In an application object of its own: the sessions that a key opened end with it.
    const elsewhere = new Realm.App({ id: APPS.auto, baseUrl: given.url });
    const logIn = () => elsewhere.logIn(Credentials.apiKey(made.key));
    const by_key = await logIn();
    same(user.id, by_key.id);
    await user.apiKeys.disable(made._id);
    await refuses(logIn, 401, "AuthError", "invalid API key");
    await user.apiKeys.enable(made._id);
    same(user.id, (await logIn()).id);
    await refuses(() => user.apiKeys.create("two words"), 400, "InvalidParameter");
    await refuses(() => user.apiKeys.create("till"), 409, "APIKeyAlreadyExists");
    await user.apiKeys.delete(made._id);
    await refuses(() => user.apiKeys.fetch(made._id), 404, "APIKeyNotFound", "API key not found");
    same([], await user.apiKeys.fetchAll());
  });

  // --- linking ---------------------------------------------------------------------------------

  await step("an anonymous user links a password, and is the same", async () => {
    const email = fresh();
    const user = await app.auto.logIn(Credentials.anonymous(false));
    await app.auto.emailPasswordAuth.registerUser({ email, password: PASSWORD });
    await user.linkCredentials(Credentials.emailPassword(email, PASSWORD));
    same(["anon-user", "local-userpass"], user.identities.map((one) => one.providerType));
    same(email, user.profile.email);
    await user.refreshCustomData();
    const again = await app.auto.logIn(Credentials.emailPassword(email, PASSWORD));
    same(user.id, again.id);
  });

  await step("a link that is refused ends, and leaves the user logged in", async () => {
    const [first, second] = [await somebody(), await somebody()];
    const link = (email, password) => () =>
      second.linkCredentials(Credentials.emailPassword(email, password));
    const taken = "a user already exists with the specified provider";
    await refuses(link(first.profile.email, PASSWORD), 401, "AuthError", taken);
    await refuses(link(first.profile.email, "wrong one"), 401, "InvalidPassword");
    const anonymous = () => second.linkCredentials(Credentials.anonymous(false));
    await refuses(anonymous, 400, "BadRequest");
    await second.refreshProfile();
    same(true, second.isLoggedIn);
  });

  // --- several users ---------------------------------------------------------------------------

  await step("several users are there at once, switched, logged out and removed", async () => {
    const [first, second] = [await somebody(), await somebody()];
    same(second.id, app.auto.currentUser.id);
    app.auto.switchUser(first);
    same(first.id, app.auto.currentUser.id);
    same(first.id, (await first.functions.whoAmI()).id);
    same(second.id, (await second.functions.whoAmI()).id);

    await first.logOut();
    same([false, "logged-out"], [first.isLoggedIn, first.state]);
    same(second.id, app.auto.currentUser.id);
    await first.logOut();
    await app.auto.removeUser(second);
    same("removed", second.state);
    same(false, Object.keys(app.auto.allUsers).includes(second.id));
  });

  await step("a session that ended at the server is logged out of without an error", async () => {
    const user = await somebody();
    const refresh = user.refreshToken;
    const session = `${given.url}/api/client/v2.0/auth/session`;
    const headers = { authorization: `Bearer ${refresh}` };
    same(204, (await fetch(session, { method: "DELETE", headers })).status);
    await user.logOut();
    same(false, user.isLoggedIn);
  });

  await step("a user is deleted, and cannot come back", async () => {
    const user = await somebody();
    const { email } = user.profile;
    await app.auto.deleteUser(user);
    same(false, Object.keys(app.auto.allUsers).includes(user.id));
    const logIn = () => app.auto.logIn(Credentials.emailPassword(email, PASSWORD));
    await refuses(logIn, 401, "InvalidPassword");
  });

  // --- tokens ----------------------------------------------------------------------------------

  await step("an expired access token is refreshed on the way, once", async () => {
    const { email, expired } = given.old;
    const user = await app.auto.logIn(Credentials.emailPassword(email, PASSWORD));
    user.accessToken = expired;
    await user.refreshProfile();
    same(true, user.accessToken !== expired);
    user.accessToken = expired;
    same(6, await user.functions.sumFunc(1, 2, 3));
    same(true, user.isLoggedIn);
  });

  await step("custom data comes with a refreshed token", async () => {
    const { email, customData } = given.old;
    const user = await app.auto.logIn(Credentials.emailPassword(email, PASSWORD));
    same(customData, await user.refreshCustomData());
    same(customData, { ...user.customData });
  });

  await step("who was disabled is logged out by her next refresh", async () => {
    const user = await somebody();
    await given.admin(APPS.auto, "POST", `/users/${user.id}/disable`);
    await refuses(() => user.refreshProfile(), 401, "InvalidSession");
    same(false, user.isLoggedIn);
    const logIn = () => app.auto.logIn(Credentials.emailPassword(user.profile.email, PASSWORD));
    await refuses(logIn, 401, "UserDisabled", "user disabled");
  });

  // --- functions -------------------------------------------------------------------------------

  await step("functions get values as they were, and the caller if they ask for it", async () => {
    const user = await somebody();
    same(6.5, await user.functions.sumFunc(1, 2.5, 3));
    same(6, await user.callFunction("sumFunc", 1, 2, 3));
    same(null, await user.functions.nothing());
    const caller = await user.functions.whoAmI();
    same([user.id, user.profile.email], [caller.id, caller.data.email]);
    await refuses(() => user.functions.missing(), 404, "FunctionNotFound");
    await refuses(() => user.functions.breaks(), 400, "FunctionExecutionError");
    const collection = user.mongoClient("mongodb-atlas").db("shop").collection("orders");
    await refuses(() => collection.findOne(), 404, "ServiceNotFound");
  });

  await step("an application that is not there is said to be none", async () => {
    const nowhere = new Realm.App({ id: "other-abcde", baseUrl: given.url });
    const sentence = "cannot find app using Client App ID 'other-abcde'";
    await refuses(() => nowhere.logIn(Credentials.anonymous()), 404, undefined, sentence);
  });

  if (failed.length > 0) throw new Error(failed.join("\n\n"));
  return done;
}

function same(expected, found, why = "") {
  const [left, right] = [JSON.stringify(expected), JSON.stringify(found)];
  if (left !== right) throw new Error(`${left} was expected, ${right} found. ${why}`);
}

function pick(found, ...names) {
  return Object.fromEntries(names.map((name) => [name, found[name]]));
}

/** A client that repeats for ever must fail, not hang (wire-contract.md §1). */
function within(milliseconds, promise) {
  const late = new Promise((_, reject) => {
    setTimeout(() => reject(new Error("it never ended")), milliseconds).unref?.();
  });
  return Promise.race([promise, late]);
}
