//! A manifest that starts workers: an Indexed Job of Kubernetes.

use anyhow::Result;
use serde_json::json;

use crate::args::Worker;

/// The Indexed Job as YAML. A worker that is given bad input ends with status 2 and is not tried again; one that is evicted
/// or killed is.
pub(super) fn kubernetes(args: &Worker) -> Result<String> {
    let folder = std::env::current_dir()?.to_string_lossy().into_owned();
    let run = args.run.to_string_lossy();
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": { "generateName": "laser-" },
        "spec": {
            "completionMode": "Indexed",
            "completions": args.workers,
            "parallelism": args.workers,
            "backoffLimitPerIndex": 5,
            "podReplacementPolicy": "Failed",
            "podFailurePolicy": { "rules": [
                { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget" }] },
                { "action": "FailIndex", "onExitCodes": { "operator": "In", "values": [2] } },
            ] },
            "template": { "spec": {
                "restartPolicy": "Never",
                "containers": [{
                    "name": "worker",
                    "image": args.image,
                    "workingDir": folder,
                    "command": ["laser", "worker", run, "--workers", args.workers.to_string()],
                    "env": [{ "name": "LASER_CACHE", "value": format!("{folder}/.laser-cache") }],
                    "volumeMounts": [{ "name": "run", "mountPath": folder }],
                }],
                "volumes": [{ "name": "run", "persistentVolumeClaim": { "claimName": args.volume_claim } }],
            } },
        },
    });
    Ok(serde_yaml_ng::to_string(&job)?.trim_end().to_owned())
}
