"""The contract's own samples (seed 001), as /openapi.json shows them and the tests hold the dialect to."""

from typing import Any

VIDEO_ID = "video_12345"
BATCH_ID = "image_batch_123"
_EARLY = {"start_seconds": 0, "end_seconds": 3}
_LATE = {"start_seconds": 3, "end_seconds": 5.2}

IMAGES_REQUEST: dict[str, Any] = {
    "images": [
        {"external_id": "abc", "data_base64": "/9j/4AAQSkZJRgABAQAAAQABAAD..."},
        {"external_id": "def", "data_base64": "/9j/4AAQSkZJRgABAQAAAQABAAD..."},
    ]
}

VIDEO: dict[str, Any] = {
    "job_id": VIDEO_ID,
    "status": "finished",
    "result": {
        "raw_scenes": [{"start_seconds": 0, "end_seconds": 5.2}, {"start_seconds": 5.2, "end_seconds": 10.7}],
        "frame_activity_diffs": [0.01, 0.15, 0.08],
        "sections": [
            {
                "section_tag": "intro", "time_segments": [_EARLY], "thumbnail_timestamp": 1.2, "confidence": 0.91,
                "is_critical": False, "relative_activity": 0.2,
            },
            {
                "section_tag": "demo", "time_segments": [_LATE], "thumbnail_timestamp": 4.1, "confidence": 0.88,
                "is_critical": False, "relative_activity": 0.5,
            },
        ],
        "ocr_results": [{"language_code": "en", "full_text": "No dogs off leash", "time_segment": _LATE}],
        "person_constellation_scenes": [
            {
                "time_segment": _LATE,
                "person_ids": [
                    {"age": 29, "gender": "female", "face_embedding": [0.11, -0.02, 0.33]},
                    {"gender": "unidentified", "face_embedding": [0.05, 0.07, -0.12]},
                ],
            },
            {"time_segment": {"start_seconds": 5.2, "end_seconds": 10.7}, "person_ids": []},
        ],
    },
}  # fmt: skip

VIDEO_CALLBACK: dict[str, Any] = {
    "job_id": VIDEO_ID,
    "status": "finished",
    "result": {
        "raw_scenes": [_EARLY],
        "frame_activity_diffs": [0.1],
        "person_constellation_scenes": [
            {
                "time_segment": _EARLY,
                "person_ids": [
                    {
                        "age": 34.5, "gender": "unidentified", "face_embedding": [0.12, -0.03, 0.44],
                        "face_thumbnail": "string", "allowlisted": True, "relative_prominence": 0.65,
                    }
                ],
            }
        ],
        "ocr_results": [{"language_code": "en", "full_text": "Entrance -> Lobby", "time_segment": _EARLY}],
        "sections": [
            {
                "section_tag": "string", "time_segments": [_EARLY], "thumbnail_timestamp": 0, "confidence": 1,
                "is_critical": True, "relative_activity": 0,
            }
        ],
    },
}  # fmt: skip

IMAGES: dict[str, Any] = {
    "job_id": BATCH_ID,
    "status": "finished",
    "items": [
        {
            "external_id": "101",
            "result": {
                "tags": [
                    {"tag": "cat", "probability": 0.92, "is_critical": False},
                    {"tag": "indoor", "probability": 0.76},
                ],
                "person_ids": [{"age": 4, "gender": "unidentified", "face_embedding": [0.01, 0.02, 0.03]}],
                "ocr_results": [{"language_code": "en", "full_text": "Kitchen"}],
            },
        },
        {
            "external_id": "102",
            "result": {
                "tags": [
                    {"tag": "dog", "probability": 0.88},
                    {"tag": "park", "probability": 0.61, "is_critical": False},
                ],
                "person_ids": [],
                "ocr_results": [{"full_text": "No dogs off leash"}],
            },
        },
    ],
}

IMAGES_CALLBACK: dict[str, Any] = {
    "job_id": BATCH_ID,
    "status": "finished",
    "items": [
        {
            "external_id": "abc",
            "result": {
                "tags": [{"tag": "cat", "probability": 0.92, "is_critical": True}],
                "person_ids": [
                    {
                        "age": 34.5, "gender": "unidentified", "face_embedding": [0.12, -0.03, 0.44],
                        "face_thumbnail": "string", "allowlisted": True, "relative_prominence": 0.65,
                    }
                ],
                "ocr_results": [{"language_code": "en", "full_text": "Entrance -> Lobby", "time_segment": _EARLY}],
            },
        }
    ],
}  # fmt: skip

LATENCY: dict[str, Any] = {
    "media_type": "image", "unit": "image", "latency_ms_per_unit": 120,
    "p50_ms": 110, "p95_ms": 240, "p99_ms": 310, "sample_size": 1000,
}  # fmt: skip
"""The sample's three fields, and ours."""
