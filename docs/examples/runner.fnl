;; runner.fnl - the pipeline of runner.lua in Fennel: fennel runner.fnl
(local coffer (require :coffer))

;; As it is stored: it names secrets and holds none.
(local config
  {:deploy {:host "shop.example"
            :login {:user "deploy" :password "secret:DEPLOY_PASSWORD"}}
   :npmrc "registry=https://npm.example/\n//npm.example/:_authToken=${NPM_TOKEN}\n"})

(local secret (coffer.connect))

;; All output goes through the redactor.
(local out (let [redactor (secret:redactor)]
             (redactor:stream (fn [text] (assert (io.stdout:write text))))))

(fn say [...]
  (out:write (.. (table.concat [...] " ") "\n")))

(fn run-tests [run]
  (say "testing" run.meta.pipeline "at" run.meta.sha))

;; A callback of the string library's fetches what it finds.
(fn pack []
  (let [(npmrc) (string.gsub config.npmrc "%${([%w_]+)}" (fn [name] (secret name)))]
    (say npmrc)))

(fn deploy []
  (let [target (secret:resolve config.deploy)]
    (say "deploying to" target.host "as" target.login.user)
    (say "logged in with" target.login.password)
    (say "signed with" (secret :signing_key))))

(local jobs
  [{:name "test" :run run-tests}
   {:name "package" :run pack}
   {:name "deploy" :run deploy :only (fn [run] (= run.meta.ref "refs/heads/main"))}])

(local run (secret:bootstrap))
(var failed false)
(each [_ job (ipairs jobs)]
  (when (and (not failed) (or (not job.only) (job.only run)))
    (say (.. "== " job.name))
    (let [(done problem) (pcall job.run run)]
      (when (not done)
        (say (.. job.name " has failed: " (tostring problem)))
        (set failed true)))))

(out:finish)
(secret:close)
(os.exit (if failed 1 0) true)
